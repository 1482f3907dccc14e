import base64
import tomllib

import pytest

from components.catalog import instances
from components.catalog.node_cache import NODE_CACHE_FOLDER
from components.cluster.node_pool import machine_image
from tests.plan import Plan
from tests.platform_stack import platform


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


def test_every_pool_of_the_settings_is_a_node_group(planned: Plan) -> None:
    groups = {group.inputs["nodeGroupName"]: group.inputs for group in planned.of("aws:eks/nodeGroup:NodeGroup")}
    assert set(groups) == {"system", "gpu"}
    assert groups["gpu"]["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 2}
    assert groups["gpu"]["instanceTypes"] == ["g6.xlarge"]
    assert groups["gpu"]["labels"] == {"cloister/pool": "gpu"}


def test_gpu_machines_refuse_pods_that_do_not_ask_for_a_gpu(planned: Plan) -> None:
    gpu = planned.one("aws:eks/nodeGroup:NodeGroup", "pool-gpu-group").inputs
    system = planned.one("aws:eks/nodeGroup:NodeGroup", "pool-system-group").inputs
    assert gpu["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
    assert gpu["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"
    assert system.get("taints", []) == []
    assert system["amiType"] == "AL2023_x86_64_STANDARD"


def test_gpu_machines_start_no_container_that_the_vpc_cannot_pull(planned: Plan) -> None:
    gpu = planned.one("aws:ec2/launchTemplate:LaunchTemplate", "pool-gpu-template").inputs
    settings = tomllib.loads(base64.b64decode(gpu["userData"]).decode())["settings"]
    assert {name: host["enabled"] for name, host in settings["host-containers"].items()} == {
        "control": False,
        "admin": False,
    }
    assert settings["metrics"] == {"send-metrics": False}, "its reports would only raise the name firewall's alarm"
    assert "userData" not in planned.one("aws:ec2/launchTemplate:LaunchTemplate", "pool-system-template").inputs


def test_local_disks_hold_images_and_weights_before_the_node_joins(planned: Plan) -> None:
    gpu = planned.one("aws:ec2/launchTemplate:LaunchTemplate", "pool-gpu-template").inputs
    commands = tomllib.loads(base64.b64decode(gpu["userData"]).decode())["settings"]["bootstrap-commands"]
    bind = ["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", NODE_CACHE_FOLDER]
    assert commands == {
        "local-disks": {
            "commands": [["apiclient", "ephemeral-storage", "init"], bind],
            "mode": "always",
            "essential": True,
        }
    }


def test_a_machine_without_local_disks_prepares_none() -> None:
    assert "bootstrap-commands" not in machine_image(instances.find("g5g.xlarge")).user_data


def test_the_stack_leaves_the_desired_size_to_the_autoscaler(planned: Plan) -> None:
    for group in planned.of("aws:eks/nodeGroup:NodeGroup"):
        assert group.ignore_changes == ("scalingConfig.desiredSize",)


def test_nodes_stand_in_managed_private_subnets_of_every_zone(planned: Plan) -> None:
    subnets = {found.urn for found in planned.of("aws:ec2/subnet:Subnet") if "-nodes-" in found.name}
    for group in planned.of("aws:eks/nodeGroup:NodeGroup"):
        assert set(group.property_dependencies["subnetIds"]) == subnets


@pytest.mark.parametrize("pool", ["system", "gpu"])
def test_nodes_have_encrypted_disks_no_public_address_and_metadata_that_pods_cannot_reach(
    planned: Plan, pool: str
) -> None:
    template = planned.one("aws:ec2/launchTemplate:LaunchTemplate", f"pool-{pool}-template")
    assert template.inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    disks = template.inputs["blockDeviceMappings"]
    assert {disk["ebs"]["encrypted"] for disk in disks} == {"true"}
    assert [disk["ebs"]["volumeSize"] for disk in disks if "volumeSize" in disk["ebs"]] == [100]
    assert planned.one("aws:kms/key:Key", "keys-storage").urn in template.property_dependencies["blockDeviceMappings"]
    [interface] = template.inputs["networkInterfaces"]
    assert interface["associatePublicIpAddress"] == "false"
    assert {found["resourceType"] for found in template.inputs["tagSpecifications"]} == {"instance", "volume"}


def test_nodes_wait_for_their_rights_and_for_the_network_add_ons(planned: Plan) -> None:
    needed = {
        found.urn
        for found in planned.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if found.name.startswith("nodes-")
    }
    needed |= {found.urn for found in planned.of("aws:eks/addon:Addon") if "before-nodes" in found.name}
    for group in planned.of("aws:eks/nodeGroup:NodeGroup"):
        assert needed <= set(group.dependencies)


def test_the_role_of_nodes_joins_and_pulls_and_nothing_else(planned: Plan) -> None:
    attached = [
        found.inputs["policyArn"]
        for found in planned.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if found.name.startswith("nodes-")
    ]
    assert sorted(attached) == [
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy",
    ]


def test_nodes_call_each_other_endpoints_and_storage_only(planned: Plan) -> None:
    group = planned.one("aws:ec2/securityGroup:SecurityGroup", "nodes-group").inputs
    themselves, endpoints, storage = group["egress"]
    assert themselves["self"] is True
    assert endpoints["cidrBlocks"] == ["10.42.224.0/26", "10.42.224.64/26", "10.42.224.128/26"]
    assert storage["prefixListIds"]
    assert {(rule["fromPort"], rule["toPort"]) for rule in (endpoints, storage)} == {(443, 443)}
