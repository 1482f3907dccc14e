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
    for group in platform(peered=True).of("aws:ec2/securityGroup:SecurityGroup"):
        for rule in [*group.inputs["ingress"], *group.inputs["egress"]]:
            assert rule.get("self") or rule["cidrBlocks"]
            assert all(cidr.startswith("10.") for cidr in rule.get("cidrBlocks", []))
            assert not rule.get("ipv6CidrBlocks")
