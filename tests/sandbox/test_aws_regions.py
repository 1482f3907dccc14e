"""The European Sovereign Cloud and regions with six zones, in the AWS stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pulumi.runtime.proto import provider_pb2

from components.catalog.vpc_endpoints import service_name
from sandbox.providers.aws.provider import Provider
from sandbox.providers.aws.zones import VARIABLE, added_zones
from sandbox.providers.serve import ProviderError, to_struct
from tests.sandbox.aws_lab import Lab, Refused, lab

pytestmark = pytest.mark.servers

SOVEREIGN = "eusc-de-east-1"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
SUBNET = "aws:ec2/subnet:Subnet"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture(scope="module")
def sovereign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("aws"), SOVEREIGN) as made:
        yield made


def test_a_provider_of_the_sovereign_cloud_is_accepted_and_an_unknown_region_is_not() -> None:
    def refusals(region: str) -> list[str]:
        answer = Provider().CheckConfig(provider_pb2.CheckRequest(news=to_struct({"region": region})), None)
        return [failure.reason for failure in answer.failures]

    assert refusals(SOVEREIGN) == []
    assert refusals("eusc-de-west-9") == ["'eusc-de-west-9' is not a region of AWS"]


def test_a_network_of_the_sovereign_cloud_is_made_and_outlives_a_restart(sovereign: Lab) -> None:
    vpc, subnets = sovereign.vpc("vpc", zones="abc")
    assert vpc.outputs["arn"] == f"arn:aws-eusc:ec2:{SOVEREIGN}:111122223333:vpc/{vpc.id}"
    table = sovereign.create("aws:ec2/routeTable:RouteTable", "inner", {"vpcId": vpc.id})
    gateway = {"vpcEndpointType": "Gateway", "serviceName": service_name("s3", SOVEREIGN)}
    s3 = sovereign.create(ENDPOINT, "s3", {"vpcId": vpc.id, **gateway, "routeTableIds": [table.id]})
    assert s3.outputs["cidrBlocks"] == ["83.118.240.0/21"]
    rule = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListIds": [s3.outputs["prefixListId"]]}
    group = sovereign.create("aws:ec2/securityGroup:SecurityGroup", "nodes", {"vpcId": vpc.id, "egress": [rule]})
    interface = {"vpcEndpointType": "Interface", "subnetIds": [subnet.id for subnet in subnets]}
    endpoints = [
        sovereign.create(
            ENDPOINT, suffix, {"vpcId": vpc.id, **interface, "serviceName": service_name(suffix, SOVEREIGN)}
        )
        for suffix in ("ecr.api", "sts", "eks", "eks-auth", "kms", "logs")
    ]
    hosts = [endpoint.outputs["dnsEntries"][0]["dnsName"] for endpoint in endpoints]
    assert all(host.endswith(".vpce.amazonaws.eu") for host in hosts)
    sovereign.outlives_a_restart(vpc, *subnets, table, s3, group, *endpoints)


def test_accounts_and_clusters_of_the_sovereign_cloud_have_its_names(sovereign: Lab) -> None:
    role = sovereign.create("aws:iam/role:Role", "cluster", {"assumeRolePolicy": TRUST})
    assert role.outputs["arn"].startswith("arn:aws-eusc:iam::111122223333:role/")
    bucket = sovereign.create("aws:s3/bucket:Bucket", "weights", {})
    assert bucket.outputs["bucketRegionalDomainName"].endswith(f".s3.{SOVEREIGN}.amazonaws.eu")
    repository = sovereign.create("aws:ecr/repository:Repository", "gateway", {})
    assert repository.outputs["repositoryUrl"].startswith(f"111122223333.dkr.ecr.{SOVEREIGN}.amazonaws.eu/")
    _, subnets = sovereign.vpc("cluster")
    inputs = {"roleArn": role.outputs["arn"], "vpcConfig": {"subnetIds": [subnet.id for subnet in subnets]}}
    cluster = sovereign.create("aws:eks/cluster:Cluster", "cluster", {"name": "inference", **inputs})
    assert cluster.outputs["identities"][0]["oidcs"][0]["issuer"].startswith(
        f"https://oidc.eks.{SOVEREIGN}.amazonaws.eu"
    )
    machines = {"clusterName": "inference", "nodeRoleArn": role.outputs["arn"], "instanceTypes": ["g6.xlarge"]}
    size = {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    where = {"subnetIds": [subnet.id for subnet in subnets], "scalingConfig": size}
    pool = sovereign.create("aws:eks/nodeGroup:NodeGroup", "gpu", {**machines, **where})
    assert sovereign.read(pool) is not None


def test_the_operator_of_the_sovereign_account_exists(sovereign: Lab) -> None:
    inputs = {"role": "cloister-operator", "policyArn": "arn:aws-eusc:iam::aws:policy/ReadOnlyAccess"}
    attachment = sovereign.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "operator", inputs)
    assert sovereign.read(attachment) is not None


def test_names_of_another_partition_or_region_are_refused(sovereign: Lab) -> None:
    vpc, _ = sovereign.vpc("wrong", zones="")
    with pytest.raises(Refused, match=r"'com\.amazonaws\.eu-central-1\.s3' is not an endpoint service of eusc"):
        sovereign.create(ENDPOINT, "wrong", {"vpcId": vpc.id, "serviceName": "com.amazonaws.eu-central-1.s3"})
    inputs = {"vpcId": vpc.id, "cidrBlock": "10.42.0.0/24", "availabilityZone": "eusc-de-east-1d"}
    with pytest.raises(Refused, match="use eusc-de-east-1a, eusc-de-east-1b, eusc-de-east-1c"):
        sovereign.create(SUBNET, "wrong", inputs)
    role = {"role": "cloister-operator", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    with pytest.raises(ProviderError, match="lies in partition aws; eusc-de-east-1 is in aws-eusc"):
        sovereign.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "wrong", role)


def test_six_zones_exist_where_the_variable_asks_for_them(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "6")
    with lab(tmp_path_factory.mktemp("aws"), "eu-central-1") as account:
        _, subnets = account.vpc("wide", zones="abcdef")
        zones = account.client("ec2").describe_availability_zones()["AvailabilityZones"]
        assert [zone["ZoneName"][-1] for zone in zones] == list("abcdef")
        assert len({zone["ZoneId"] for zone in zones}) == 6
        assert None not in [account.read(subnet) for subnet in subnets]
        with pytest.raises(Refused, match="'eu-central-1g' is not a zone of eu-central-1"):
            account.vpc("wider", zones="g")


def test_the_variable_lets_a_preview_pass_that_the_account_would_refuse(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab(tmp_path_factory.mktemp("aws"), "eu-west-3", {VARIABLE: "0"}) as account:
        inputs = {"vpcId": "vpc-1", "cidrBlock": "10.42.0.0/24", "availabilityZone": "eu-west-3f"}
        with pytest.raises(Refused, match="use eu-west-3a, eu-west-3b, eu-west-3c"):
            account.check(SUBNET, "f", inputs, {})
        monkeypatch.setenv(VARIABLE, "6")
        account.configure()
        account.check(SUBNET, "f", inputs, {})


@pytest.mark.parametrize("wrong", ["six", "27", "-1", "6.0"])
def test_a_wrong_number_of_zones_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, wrong)
    with pytest.raises(ProviderError, match=f"'{wrong}' is not a number of zones; use 1 to 26"):
        added_zones("eu-central-1")
