import re
from pathlib import Path

import pytest

from components.layers import images
from components.settings.errors import SettingsError
from components.settings.images_lock import Images, LockedImage
from components.settings.layer import ImagesSettings
from components.settings.load import ROOT
from tests.plan import Plan, plan, texts

SETTINGS = ImagesSettings(layer="images", account_id="111122223333", region="eu-central-1", platform="platform-dev")
HOST = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
DIGEST = "sha256:" + "5" * 64
OWN = ("weights", "registrar")


@pytest.fixture(scope="module")
def planned() -> Plan:
    computed = {"docker:index/registryImage:RegistryImage": {"sha256Digest": DIGEST}}
    return plan(lambda: images.build(SETTINGS), computed=computed)


def test_every_upstream_image_is_pulled_by_digest(planned: Plan) -> None:
    pulled = planned.of("docker:index/remoteImage:RemoteImage")
    assert {image.name for image in pulled} == {"envoy-pull", "vllm-openai-pull", "llama-cpp-pull"}
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image.inputs["name"]) for image in pulled)


def test_every_image_is_pushed_to_our_registry_and_nowhere_else(planned: Plan) -> None:
    pushed = planned.of("docker:index/registryImage:RegistryImage")
    assert len(pushed) == 5
    assert all(image.inputs["name"].startswith(f"{HOST}/cloister/") for image in pushed)


@pytest.mark.parametrize("image", OWN)
def test_our_own_image_is_built_from_its_folder(planned: Plan, image: str) -> None:
    own = planned.one("docker:index/registryImage:RegistryImage", f"{image}-push").inputs
    assert own["build"]["dockerfile"] == f"images/{image}/Dockerfile"
    assert (Path(own["build"]["context"]) / own["build"]["dockerfile"]).is_file()
    assert "@sha256:" in own["build"]["buildArgs"]["BASE"]


@pytest.mark.parametrize("image", OWN)
def test_the_build_context_holds_what_the_dockerfile_copies_and_no_more(image: str) -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    text = (ROOT / "images" / image / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(\S+) ", text, flags=re.MULTILINE)
    assert set(copied) <= set(sent)
    assert "*" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_no_password_is_an_argument(planned: Plan) -> None:
    assert planned.one("pulumi:providers:docker").inputs["registryAuth"] == f'[{{"address": "{HOST}"}}]'
    for resource in planned.resources:
        assert not [text for text in texts(resource.inputs) if "password" in text.lower()]


def test_the_digests_of_the_registry_are_exported_for_the_lock_file(planned: Plan) -> None:
    assert planned.result["digests"] == dict.fromkeys((*OWN, "envoy", "vllm-openai", "llama-cpp"), DIGEST)


def test_an_upstream_image_without_digest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    floating = LockedImage(upstream="docker.io/envoyproxy/envoy", tag="v1", digest=None, note="")
    monkeypatch.setattr(images, "load_images", lambda path: Images(images={"envoy": floating}, source="x.lock.yaml"))
    with pytest.raises(SettingsError, match=r"images\.envoy\.digest: null"):
        plan(lambda: images.build(SETTINGS))
