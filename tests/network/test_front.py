import json

import pytest

from components.network.front import GATEWAY_PORT
from tests.plan import Plan, plan
from tests.platform_stack import ANSWERS, FRONT, platform, settings

CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0c1015e7"


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform("peered")


def test_the_balancer_is_internal_and_stands_in_every_zone(planned: Plan) -> None:
    balancer = planned.one("aws:lb/loadBalancer:LoadBalancer").inputs
    assert balancer["internal"] is True
    assert (balancer["loadBalancerType"], balancer["ipAddressType"]) == ("network", "ipv4")
    assert len(balancer["subnets"]) == 3
    assert balancer["enableDeletionProtection"] is True


def test_answers_stay_in_the_clients_zone_unless_the_settings_say_otherwise(planned: Plan) -> None:
    balancer = planned.one("aws:lb/loadBalancer:LoadBalancer").inputs
    assert balancer["enableCrossZoneLoadBalancing"] is False
    assert balancer["dnsRecordClientRoutingPolicy"] == "availability_zone_affinity"


def test_every_connection_is_written_to_a_sealed_bucket_of_ours(planned: Plan) -> None:
    logs = planned.one("aws:lb/loadBalancer:LoadBalancer").inputs["accessLogs"]
    assert logs["enabled"] is True
    bucket = planned.one("aws:s3/bucket:Bucket", "access-logs-bucket")
    assert logs["bucket"] == bucket.inputs["bucket"] == "cloister-access-logs-111122223333-eu-central-1"
    policy = json.loads(planned.one("aws:s3/bucketPolicy:BucketPolicy", "access-logs-policy").inputs["policy"])
    writers = [s for s in policy["Statement"] if s["Effect"] == "Allow" and "s3:PutObject" in s["Action"]]
    assert [writer["Principal"] for writer in writers] == [{"Service": "delivery.logs.amazonaws.com"}]
    assert writers[0]["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def test_tls_is_modern_on_both_sides(planned: Plan) -> None:
    listener = planned.one("aws:lb/listener:Listener").inputs
    assert (listener["port"], listener["protocol"]) == (443, "TLS")
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    targets = planned.one("aws:lb/targetGroup:TargetGroup").inputs
    assert (targets["protocol"], targets["targetType"], targets["port"]) == ("TLS", "ip", GATEWAY_PORT)


def test_a_gateway_that_lets_strangers_in_is_taken_out(planned: Plan) -> None:
    check = planned.one("aws:lb/targetGroup:TargetGroup").inputs["healthCheck"]
    assert (check["protocol"], check["path"], check["matcher"]) == ("HTTPS", "/v1/models", "401")


def test_the_private_ca_gives_the_certificate_or_a_certificate_is_named() -> None:
    made = platform("peered").one("aws:acm/certificate:Certificate").inputs
    assert made["domainName"] == FRONT["host_name"]
    assert made["certificateAuthorityArn"] == FRONT["certificate_authority_arn"]
    assert not {"privateKey", "certificateBody"} & set(made)
    front = {"host_name": FRONT["host_name"], "certificate_arn": CERTIFICATE}
    chosen = settings(network={"cidr": "10.42.0.0/16", "front": front})
    from components.layers import LAYERS

    named = plan(lambda: LAYERS["platform"](chosen), answers=ANSWERS)
    assert named.of("aws:acm/certificate:Certificate") == []
    assert named.one("aws:lb/listener:Listener").inputs["certificateArn"] == CERTIFICATE


def test_only_declared_callers_come_in_and_only_gateways_are_called(planned: Plan) -> None:
    group = planned.one("aws:ec2/securityGroup:SecurityGroup", "front-group").inputs
    assert [(r["fromPort"], r["toPort"], r["cidrBlocks"]) for r in group["ingress"]] == [(443, 443, ["10.90.0.0/16"])]
    [egress] = group["egress"]
    assert (egress["fromPort"], egress["toPort"]) == (GATEWAY_PORT, GATEWAY_PORT)
    assert egress["cidrBlocks"] == ["10.42.0.0/19", "10.42.32.0/19", "10.42.64.0/19"]


def test_nodes_admit_the_gateways_port_from_the_balancer_only(planned: Plan) -> None:
    nodes = planned.one("aws:ec2/securityGroup:SecurityGroup", "nodes-group")
    front = planned.one("aws:ec2/securityGroup:SecurityGroup", "front-group")
    [rule] = [rule for rule in nodes.inputs["ingress"] if rule["fromPort"] == GATEWAY_PORT]
    assert "cidrBlocks" not in rule
    assert front.urn in nodes.property_dependencies["ingress"]
    bare = platform("bare").one("aws:ec2/securityGroup:SecurityGroup", "nodes-group").inputs["ingress"]
    assert not [rule for rule in bare if rule["fromPort"] == GATEWAY_PORT]


def test_gateways_register_in_their_own_target_group_and_can_do_nothing_else(planned: Plan) -> None:
    policy = json.loads(planned.one("aws:iam/rolePolicy:RolePolicy", "gateway-registrar-rights").inputs["policy"])
    register, health = policy["Statement"]
    assert register["Resource"] == [
        "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/cloister-gateway/*"
    ]
    assert health["Action"] == ["elasticloadbalancing:DescribeTargetHealth"]
    association = planned.one("aws:eks/podIdentityAssociation:PodIdentityAssociation", "gateway-registrar-association")
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("inference", "gateway")


def test_without_a_front_nothing_of_it_is_there() -> None:
    bare = platform("bare")
    assert not [r.name for r in bare.resources if r.name.startswith(("front", "access-logs", "gateway-registrar"))]
    assert "gateway_url" not in bare.result
    assert platform("peered").result["gateway_url"] == "https://inference.example.internal"
