import json

from tests.platform_stack import platform


def test_a_tag_once_pushed_always_means_the_same_image() -> None:
    repositories = platform().of("aws:ecr/repository:Repository")
    assert {found.inputs["name"] for found in repositories} == {
        "cloister/weights",
        "cloister/registrar",
        "cloister/envoy",
        "cloister/vllm-openai",
        "cloister/llama-cpp",
    }
    for repository in repositories:
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository.inputs["encryptionConfigurations"][0]["encryptionType"] == "KMS"
        assert repository.inputs["forceDelete"] is False


def test_tagged_images_never_expire() -> None:
    for policy in platform().of("aws:ecr/lifecyclePolicy:LifecyclePolicy"):
        rules = json.loads(policy.inputs["policy"])["rules"]
        assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged"]
