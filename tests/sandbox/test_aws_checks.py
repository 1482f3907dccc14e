"""The AWS stand-in's judgements that need no server."""

from __future__ import annotations

import base64
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox import token_review
from sandbox.providers import schema
from sandbox.providers.aws import checks, kubernetes, outputs, shapes
from sandbox.providers.aws.account import session
from sandbox.providers.aws.difference import difference
from sandbox.providers.aws.kept import Kept, Resource
from sandbox.providers.aws.provider import Provider
from sandbox.providers.aws.types import TYPES, kind_of
from sandbox.providers.serve import UNKNOWN, ProviderError

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
GOOD: dict[str, dict[str, Any]] = {
    "aws:ec2/vpc:Vpc": {"cidrBlock": "10.42.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "inference"}},
    "aws:kms/key:Key": {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "ECC_NIST_P256"},
    "aws:iam/role:Role": {"name": "nodes", "assumeRolePolicy": TRUST},
    "aws:eks/cluster:Cluster": {
        "name": "inference",
        "roleArn": UNKNOWN,
        "vpcConfig": {"subnetIds": [UNKNOWN], "endpointPublicAccess": False},
        "accessConfig": {"authenticationMode": "API"},
    },
    "aws:eks/nodeGroup:NodeGroup": {
        "clusterName": "inference",
        "nodeRoleArn": UNKNOWN,
        "subnetIds": UNKNOWN,
        "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 2},
        "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
    },
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": 30},
}
BAD = [
    ("aws:ec2/vpc:Vpc", {"cidrBlok": "10.42.0.0/16"}, "cidrBlok", "did you mean cidrBlock"),
    ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.42.0.1/16"}, "cidrBlock", "not a CIDR block"),
    ("aws:ec2/vpc:Vpc", {"instanceTenancy": "shared"}, "instanceTenancy", "use one of"),
    ("aws:ec2/vpc:Vpc", {"tags": {"aws:name": "x"}}, "tags.aws:name", "not a tag's key"),
    ("aws:kms/key:Key", {"keyUsage": "SIGN"}, "keyUsage", "SIGN_VERIFY"),
    ("aws:iam/role:Role", {"name": "no spaces"}, "name", "must match"),
    ("aws:iam/role:Role", {"assumeRolePolicy": "{"}, "assumeRolePolicy", "not JSON"),
    ("aws:iam/role:Role", {"assumeRolePolicy": '{"Version": "2012-10-17"}'}, "assumeRolePolicy", "no Statement"),
    ("aws:iam/role:Role", {"maxSessionDuration": 60}, "maxSessionDuration", "3600 to 43200"),
    ("aws:eks/cluster:Cluster", {"name": "a" * 101}, "name", "101 characters"),
    ("aws:eks/cluster:Cluster", {"accessConfig": {"authenticationMode": "IAM"}}, "accessConfig.authenticationMode", ""),
    ("aws:eks/cluster:Cluster", {"vpcConfig": None}, "vpcConfig", "required"),
    ("aws:eks/nodeGroup:NodeGroup", {"scalingConfig": {"minSize": 3, "desiredSize": 1, "maxSize": 2}},
     "scalingConfig", "ascending"),
    ("aws:eks/nodeGroup:NodeGroup", {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, "taints[0].effect", ""),
    ("aws:cloudwatch/logGroup:LogGroup", {"name": "a b"}, "name", "must match"),
]  # fmt: skip


def found(type_token: str, spoiled: dict[str, Any]) -> list[tuple[str, str]]:
    return list(checks.problems(type_token, {**GOOD[type_token], **spoiled}))


@pytest.mark.parametrize("type_token", GOOD)
def test_good_inputs_have_no_problems(type_token: str) -> None:
    assert found(type_token, {}) == []


@pytest.mark.parametrize(("type_token", "spoiled", "path", "words"), BAD)
def test_a_spoiled_input_is_the_only_problem_and_is_named(
    type_token: str, spoiled: dict[str, Any], path: str, words: str
) -> None:
    inputs = {**GOOD[type_token], **spoiled}
    inputs["tagsAll"] = inputs.get("tags", {})
    problems = list(checks.problems(type_token, inputs))
    assert [place for place, _ in problems] == [path]
    assert words in problems[0][1]


@pytest.mark.parametrize("type_token", TYPES)
def test_the_table_names_only_what_botocore_and_the_sdk_have(type_token: str) -> None:
    kind = kind_of(type_token)
    properties = set(schema.outputs_of("pulumi_aws", type_token))
    named = {path.split(".")[0] for path in kind.immutable} | set(kind.rename) | set(kind.defaults) | set(kind.outputs)
    assert named <= properties
    if kind.operation:
        service, operation = kind.operation.split(".")
        members = session().get_service_model(service).operation_model(operation).input_shape.members
        assert {member for member in kind.rename.values() if member} <= set(members)


def test_an_automatic_name_follows_the_seed_and_stays() -> None:
    def make(old: dict[str, Any], seed: bytes) -> dict[str, Any]:
        return checks.completed("aws:s3/bucket:Bucket", "Weights", {}, old, seed, {})

    first = make({}, b"1")
    assert first["bucket"].startswith("weights-")
    assert len(first["bucket"]) == len("weights-") + 7
    assert make({}, b"1") == first
    assert make({}, b"2")["bucket"] != first["bucket"]
    assert make(first, b"2")["bucket"] == first["bucket"]


def test_default_tags_reach_tags_all_and_own_tags_win() -> None:
    inputs = {"cidrBlock": "10.42.0.0/16", "tags": {"owner": "network"}}
    full = checks.completed("aws:ec2/vpc:Vpc", "vpc", inputs, {}, b"", {"owner": "nobody", "cost": "42"})
    assert full["tagsAll"] == {"owner": "network", "cost": "42"}
    assert full["tags"] == {"owner": "network"}


def test_a_new_cidr_replaces_a_vpc_and_a_new_tag_does_not() -> None:
    old = {"cidrBlock": "10.42.0.0/16", "tags": {"a": "1"}}
    assert difference("aws:ec2/vpc:Vpc", old, {**old, "cidrBlock": "10.43.0.0/16"}).replaces == ("cidrBlock",)
    changed = difference("aws:ec2/vpc:Vpc", old, {**old, "tags": {"a": "2"}})
    assert (changed.changed, changed.replaces) == (("tags",), ())


def test_a_nested_fixed_property_replaces_and_its_neighbour_does_not() -> None:
    old = {"name": "c", "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"}, "version": "1.34"}
    new = {**old, "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16"}}
    replaced = difference("aws:eks/cluster:Cluster", old, new)
    assert replaced.replaces == ("kubernetesNetworkConfig",)
    assert replaced.delete_first
    assert difference("aws:eks/cluster:Cluster", old, {**old, "version": "1.35"}).replaces == ()


def test_an_automatic_name_lets_the_replacement_come_first() -> None:
    old = {"bucket": "weights-1234567", "objectLockEnabled": False}
    new = {**old, "objectLockEnabled": True}
    assert difference("aws:s3/bucket:Bucket", old, new).delete_first
    assert not difference("aws:s3/bucket:Bucket", old, {**new, "__defaults": ["bucket"]}).delete_first


def test_the_same_policy_in_other_words_is_no_change() -> None:
    old, new = {"policy": '{"a": 1, "b": [1]}'}, {"policy": '{"b":[1],"a":1}'}
    assert difference("aws:s3/bucketPolicy:BucketPolicy", old, new).changed == ()


def test_parameters_leave_out_what_the_service_does_not_know() -> None:
    parameters = shapes.parameters("aws:ec2/vpc:Vpc", {"cidrBlock": "10.42.0.0/16", "enableDnsSupport": True})
    assert parameters == {"CidrBlock": "10.42.0.0/16"}


def test_preview_shows_computed_outputs_as_unknown() -> None:
    planned = outputs.planned("aws:ec2/vpc:Vpc", {"cidrBlock": "10.42.0.0/16"})
    assert planned["cidrBlock"] == "10.42.0.0/16"
    assert planned["arn"] == planned["defaultSecurityGroupId"] == UNKNOWN


def test_the_table_knows_types_that_the_sdk_has() -> None:
    assert [token for token in TYPES if schema.properties_of("pulumi_aws", token) is None] == []


def test_kept_resources_survive_the_process_in_order_of_creation(tmp_path: Path) -> None:
    path = tmp_path / "aws" / "resources.json"

    def make(name: str, properties: dict[str, Any]) -> Resource:
        return Resource(f"urn::{name}", "t", name, "eu-central-1", 0, {}, properties)

    for name in ("a", "b", "c"):
        Kept(path).put(make(name, {}))
    Kept(path).put(make("a", {"changed": True}))
    Kept(path).drop("urn::b", "b")
    assert [(r.id, r.outputs) for r in Kept(path).all()] == [("a", {"changed": True}), ("c", {})]
    assert [Kept(path).next_generation("urn::a") for _ in range(3)] == [0, 1, 2]


def test_a_provider_without_region_is_refused() -> None:
    with pytest.raises(ProviderError, match="region: missing"):
        Provider().Configure(provider_pb2.ConfigureRequest(), None)


MACHINE = {
    "InstanceType": "g6.xlarge",
    "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
    "VCpuInfo": {"DefaultVCpus": 4},
    "MemoryInfo": {"SizeInMiB": 16384},
    "NetworkInfo": {"MaximumNetworkInterfaces": 4, "Ipv4AddressesPerInterface": 15},
    "GpuInfo": {"Gpus": [{"Manufacturer": "NVIDIA", "Count": 1}]},
}


def pool(size: int) -> kubernetes.Pool:
    zones = [
        {"CidrBlock": f"10.42.{16 * index}.0/20", "AvailabilityZone": f"eu-central-1{zone}"}
        for index, zone in enumerate("abc")
    ]
    return kubernetes.Pool(
        cluster="inference",
        name="gpu",
        region="eu-central-1",
        size=size,
        machine=MACHINE,
        subnets=zones,
        labels={"workload": "engine"},
        taints=[{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
        capacity_type="ON_DEMAND",
    )


def test_nodes_carry_gpus_zones_labels_and_taints() -> None:
    nodes = kubernetes.nodes_of(pool(3))
    labels = nodes[0]["metadata"]["labels"]
    assert [node["metadata"]["labels"]["topology.kubernetes.io/zone"][-1] for node in nodes] == ["a", "b", "c"]
    assert labels["node.kubernetes.io/instance-type"] == "g6.xlarge"
    assert labels["workload"] == "engine"
    assert nodes[0]["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert nodes[0]["status"]["allocatable"]["nvidia.com/gpu"] == "1"
    assert nodes[0]["status"]["allocatable"]["cpu"] == "3920m"


def test_a_larger_pool_keeps_the_nodes_it_had() -> None:
    names = [node["metadata"]["name"] for node in kubernetes.nodes_of(pool(4))]
    assert names[:2] == [node["metadata"]["name"] for node in kubernetes.nodes_of(pool(2))]
    assert len(set(names)) == 4


def token(host: str = "sts.eu-central-1.amazonaws.com", signed: str = "host;x-k8s-aws-id", age: int = 0) -> str:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
    url = (
        f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date={moment:%Y%m%dT%H%M%SZ}"
        f"&X-Amz-Expires=60&X-Amz-SignedHeaders={signed}&X-Amz-Credential=x%2F20261121%2Feu-central-1%2Fsts%2Faws4_request"
    )
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("no-prefix", "does not begin with"),
        (token(host="sts.evil.example"), "not an STS endpoint"),
        (token(host="sts.eu-central-1.amazonaws.com.evil.example"), "not an STS endpoint"),
        (token(signed="host"), "not signed"),
        (token(age=1000), "15 minutes"),
        (token(age=-1000), "15 minutes"),
    ],
)
def test_a_spoiled_token_is_refused_before_sts_is_asked(bad: str, words: str, tmp_path: Path) -> None:
    answer = token_review.review(bad, "inference", "http://127.0.0.1:1", tmp_path)
    assert not answer["authenticated"]
    assert words in answer["error"]
