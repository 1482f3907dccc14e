import pytest

from tests.plan import Plan
from tests.platform_stack import platform


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


def test_the_api_has_no_public_endpoint(planned: Plan) -> None:
    network = planned.one("aws:eks/cluster:Cluster").inputs["vpcConfig"]
    assert network["endpointPublicAccess"] is False
    assert network["endpointPrivateAccess"] is True
    assert network["controlPlaneEgressMode"] == "CUSTOMER_ROUTED"
    assert "publicAccessCidrs" not in network


def test_whoever_creates_the_cluster_has_no_rights_in_it(planned: Plan) -> None:
    access = planned.one("aws:eks/cluster:Cluster").inputs["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}


def test_secrets_are_encrypted_with_our_key(planned: Plan) -> None:
    cluster = planned.one("aws:eks/cluster:Cluster")
    assert cluster.inputs["encryptionConfig"]["resources"] == ["secrets"]
    key = planned.one("aws:kms/key:Key", "keys-storage")
    assert key.urn in cluster.property_dependencies["encryptionConfig"]


def test_every_control_plane_log_goes_to_a_group_that_exists_before_the_cluster(planned: Plan) -> None:
    cluster = planned.one("aws:eks/cluster:Cluster")
    assert set(cluster.inputs["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    group = planned.one("aws:cloudwatch/logGroup:LogGroup", "control-plane-logs")
    assert group.inputs["name"] == "/aws/eks/cloister/cluster"
    assert group.urn in cluster.dependencies


def test_the_control_plane_calls_nodes_only(planned: Plan) -> None:
    group = planned.one("aws:ec2/securityGroup:SecurityGroup", "control-plane-group").inputs
    assert {cidr for rule in group["egress"] for cidr in rule["cidrBlocks"]} == {
        "10.42.0.0/19",
        "10.42.32.0/19",
        "10.42.64.0/19",
    }


def test_no_security_group_has_a_public_range() -> None:
    """S3 alone has public addresses, and is named by the prefix list of its endpoint."""
    planned = platform("everything")
    [storage] = [e.urn for e in planned.of("aws:ec2/vpcEndpoint:VpcEndpoint") if e.name == "endpoints-s3"]
    for group in planned.of("aws:ec2/securityGroup:SecurityGroup"):
        for direction in ("ingress", "egress"):
            for rule in group.inputs[direction]:
                assert rule.get("self") or rule.get("cidrBlocks") or rule.get("prefixListIds") or rule["securityGroups"]
                assert all(cidr.startswith(("10.", "100.64.")) for cidr in rule.get("cidrBlocks", []))
                assert not rule.get("ipv6CidrBlocks")
                if rule.get("prefixListIds"):
                    assert direction == "egress"
                    assert (rule["protocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)
                    assert storage in group.property_dependencies["egress"]


def test_runners_are_called_by_nobody_and_call_tls_only() -> None:
    group = platform("everything").one("aws:ec2/securityGroup:SecurityGroup", "runner-group").inputs
    assert group["ingress"] == []
    assert {(rule["protocol"], rule["fromPort"], rule["toPort"]) for rule in group["egress"]} == {("tcp", 443, 443)}
    assert "runner-group" not in {found.name for found in platform("bare").resources}
