import pytest

from components.layers import LAYERS
from tests.plan import UNKNOWN, Plan, plan, texts
from tests.platform_stack import ANSWERS, NETWORKS, PUBLIC_KEY, platform, settings

EXPORTS = {
    "account_id",
    "region",
    "vpc_id",
    "vpc_cidr",
    "subnet_ids",
    "cluster_name",
    "cluster_endpoint",
    "cluster_certificate_authority",
    "inference_namespace",
    "weight_cache_bucket_name",
    "audit_bucket_name",
    "storage_key_arn",
    "signing_key_id",
    "signing_key_arn",
    "signing_keys",
    "registry_url",
    "node_pools",
    "alarm_topic_arn",
    "address_plan",
    "endpoint_ids",
    "storage_cidrs",
    "ways_in",
}
OF_A_FRONT = {"gateway_url", "gateway_target_group_arn"}
OF_A_RUNNER = {"runner_subnet_ids", "runner_security_group_id"}


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


def test_other_layers_learn_the_platform_from_these_exports(planned: Plan) -> None:
    assert set(planned.result) == EXPORTS
    assert set(platform("everything").result) == EXPORTS | OF_A_FRONT | OF_A_RUNNER
    assert planned.result["address_plan"]["eu-central-1a"]["addresses_for_nodes_and_pods"] == 8187
    assert planned.result["registry_url"] == "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
    assert planned.result["node_pools"]["gpu"] == {"instance_type": "g6.xlarge", "min_nodes": 1, "max_nodes": 2}
    assert set(planned.result["subnet_ids"]) == {"eu-central-1a", "eu-central-1b", "eu-central-1c"}


def test_the_public_half_of_the_signing_key_is_exported_under_the_keys_id(planned: Plan) -> None:
    assert planned.result["signing_keys"] == [{"kid": "key-id", "public_key": PUBLIC_KEY}]


def test_every_resource_comes_from_the_layers_one_provider(planned: Plan) -> None:
    provider = planned.one("pulumi:providers:aws")
    assert provider.name == "aws"
    assert provider.inputs["region"] == "eu-central-1"
    assert provider.inputs["allowedAccountIds"] == '["111122223333"]'
    others = [resource for resource in planned.custom() if resource is not provider]
    assert {resource.provider.rsplit("::", 1)[0] for resource in others} == {provider.urn}


def test_every_resource_belongs_to_a_component(planned: Plan) -> None:
    loose = [resource.name for resource in planned.custom() if not resource.parent]
    assert loose == ["aws"]


def test_every_component_says_that_it_is_complete(planned: Plan) -> None:
    components = {resource.urn for resource in planned.resources if not resource.custom}
    assert components <= set(planned.outputs)


def test_logical_names_are_unique_per_type_and_free_of_the_stacks_name(planned: Plan) -> None:
    names = [(resource.type, resource.name) for resource in planned.resources]
    assert len(set(names)) == len(names)
    assert not [name for _, name in names if "rehearsal" in name]


def test_nowhere_is_a_range_that_holds_the_internet() -> None:
    for resource in platform("peered").resources:
        assert not {"0.0.0.0/0", "::/0"} & set(texts(resource.inputs)), resource.name


def test_on_a_first_preview_only_ids_of_managed_resources_are_unknown() -> None:
    planned = platform("everything", preview=True)
    urns = {resource.urn for resource in planned.resources}
    for resource in planned.custom():
        for name, value in resource.inputs.items():
            if UNKNOWN in "\n".join(texts(value)):
                assert set(resource.property_dependencies[name]) & urns, f"{resource.name}.{name}"


def test_every_policy_document_can_be_read_on_a_first_preview() -> None:
    found = 0
    for resource in platform("everything", preview=True).custom():
        for name in ("policy", "assumeRolePolicy"):
            if name in resource.inputs:
                found += 1
                assert UNKNOWN not in resource.inputs[name], resource.name
    assert found > 20


def test_tags_of_the_stack_reach_instances_too(planned: Plan) -> None:
    assert '"data-class": "confidential"' in planned.one("pulumi:providers:aws").inputs["defaultTags"]
    template = planned.one("aws:ec2/launchTemplate:LaunchTemplate", "pool-gpu-template").inputs
    assert all(found["tags"]["data-class"] == "confidential" for found in template["tagSpecifications"])


def test_another_zone_renames_and_moves_nothing_that_was_there() -> None:
    def subnets(zones: list[str]) -> dict[str, str]:
        chosen = settings(zones=zones)
        planned = plan(lambda: LAYERS["platform"](chosen), answers=ANSWERS)
        return {found.name: found.inputs["cidrBlock"] for found in planned.of("aws:ec2/subnet:Subnet")}

    two = subnets(["eu-central-1a", "eu-central-1c"])
    three = subnets(["eu-central-1a", "eu-central-1b", "eu-central-1c"])
    assert two.items() < three.items()


def test_the_platform_of_another_partition_never_says_aws() -> None:
    administrator = "arn:aws-eusc:iam::111122223333:role/cloister-operator"
    authority = "arn:aws-eusc:acm-pca:eusc-de-east-1:111122223333:certificate-authority/0c1015e7"
    sovereign_front = {"host_name": "inference.example.internal", "certificate_authority_arn": authority}
    chosen = settings(
        region="eusc-de-east-1",
        zones=["eusc-de-east-1a", "eusc-de-east-1b"],
        network=NETWORKS["bare"] | {"front": sovereign_front},
        cluster={"kubernetes_version": "1.36", "administrators": [administrator]},
    )
    planned = plan(lambda: LAYERS["platform"](chosen), preview=True, answers=ANSWERS)
    for resource in planned.custom():
        arns = [text for text in texts(resource.inputs) if "arn:aws:" in text]
        assert not arns, f"{resource.name}: {arns}"
