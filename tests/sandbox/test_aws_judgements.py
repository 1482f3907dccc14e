"""What the AWS stand-in refuses of the network's types by themselves, one field spoiled at a time."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.providers.aws import checks
from sandbox.providers.aws.difference import difference
from sandbox.providers.serve import UNKNOWN

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GROUP = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
CERTIFICATE = "aws:acm/certificate:Certificate"
DEVICE = "aws:ec2/customerGateway:CustomerGateway"
CONNECTION = "aws:ec2/vpnConnection:VpnConnection"
STATIC = "aws:ec2/vpnConnectionRoute:VpnConnectionRoute"
SERVICE = "aws:ec2/vpcEndpointService:VpcEndpointService"
RANGE = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
ALIAS = {"name": UNKNOWN, "zoneId": UNKNOWN, "evaluateTargetHealth": False}

GOOD: dict[str, dict[str, Any]] = {
    BALANCER: {
        "name": "cloister-gateway",
        "loadBalancerType": "network",
        "subnets": UNKNOWN,
        "securityGroups": [UNKNOWN],
        "dnsRecordClientRoutingPolicy": "availability_zone_affinity",
        "accessLogs": {"bucket": UNKNOWN, "enabled": True},
    },
    GROUP: {
        "name": "cloister-gateway",
        "vpcId": UNKNOWN,
        "port": 8443,
        "protocol": "TLS",
        "targetType": "ip",
        "preserveClientIp": "false",
        "deregistrationDelay": 300,
        "healthCheck": {"protocol": "HTTPS", "path": "/v1/models", "matcher": "401", "interval": 10},
    },
    LISTENER: {
        "loadBalancerArn": UNKNOWN,
        "port": 443,
        "protocol": "TLS",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "certificateArn": UNKNOWN,
        "alpnPolicy": "HTTP2Optional",
        "defaultActions": [{"type": "forward", "targetGroupArn": UNKNOWN}],
    },
    CERTIFICATE: {"domainName": "inference.example.internal"},
    DEVICE: {"type": "ipsec.1", "bgpAsn": "65000", "ipAddress": "198.51.100.7"},
    CONNECTION: {
        "type": "ipsec.1",
        "customerGatewayId": UNKNOWN,
        "vpnGatewayId": UNKNOWN,
        "presharedKeyStorage": "SecretsManager",
        "tunnel1IkeVersions": ["ikev2"],
        "tunnel1Phase1EncryptionAlgorithms": ["AES256-GCM-16"],
        "tunnel1Phase1DhGroupNumbers": [20],
        "tunnel1InsideCidr": "169.254.10.0/30",
    },
    STATIC: {"vpnConnectionId": UNKNOWN, "destinationCidrBlock": "10.200.0.0/16"},
    SERVICE: {"acceptanceRequired": True, "networkLoadBalancerArns": UNKNOWN, "supportedIpAddressTypes": ["ipv4"]},
    RANGE: {"vpcId": UNKNOWN, "cidrBlock": "100.64.0.0/16"},
    ZONE: {"name": "inference.example.internal", "vpcs": [{"vpcId": UNKNOWN}]},
    RECORD: {"zoneId": UNKNOWN, "name": "inference.example.internal", "type": "A", "aliases": [ALIAS]},
    ALARM: {
        "metricName": "BlockedNames",
        "namespace": "Cloister",
        "statistic": "Sum",
        "period": 300,
        "evaluationPeriods": 1,
        "threshold": 0,
        "comparisonOperator": "GreaterThanThreshold",
        "treatMissingData": "notBreaching",
    },
    FILTER: {
        "logGroupName": "/cloister/names",
        "pattern": '{ $.firewall_rule_action = "BLOCK" }',
        "metricTransformation": {"name": "BlockedNames", "namespace": "Cloister", "value": "1"},
    },
    TOPIC: {"name": "alarms", "kmsMasterKeyId": UNKNOWN},
    TOPIC_POLICY: {"arn": UNKNOWN, "policy": UNKNOWN},
}
BAD = [
    (BALANCER, {"name": "a" * 33}, "name", "1 to 32 letters"),
    (BALANCER, {"name": "-gateway"}, "name", "no hyphen at either end"),
    (BALANCER, {"name": "internal-gateway"}, "name", "not a name"),
    (BALANCER, {"loadBalancerType": "classic"}, "loadBalancerType", "use one of application, network"),
    (BALANCER, {"ipAddressType": "ipv6"}, "ipAddressType", "dualstack"),
    (BALANCER, {"subnets": None}, "subnets", "exactly one of subnets, subnetMappings"),
    (BALANCER, {"dnsRecordClientRoutingPolicy": "nearest"}, "dnsRecordClientRoutingPolicy", "availability_zone_aff"),
    (BALANCER, {"accessLogs": {"enabled": True, "bucket": ""}}, "accessLogs.bucket", "need a bucket"),
    (GROUP, {"port": 65536}, "port", "1 to 65535"),
    (GROUP, {"protocol": "SSL"}, "protocol", "use one of"),
    (GROUP, {"vpcId": None}, "vpcId", "targets of type ip need it"),
    (GROUP, {"preserveClientIp": "no"}, "preserveClientIp", "use one of true, false"),
    (GROUP, {"deregistrationDelay": 4000}, "deregistrationDelay", "0 to 3600"),
    (GROUP, {"healthCheck": {"protocol": "TCP", "matcher": "401"}}, "healthCheck.matcher", "use HTTP or HTTPS"),
    (LISTENER, {"certificateArn": None}, "certificateArn", "needs a certificate"),
    (LISTENER, {"alpnPolicy": "h2"}, "alpnPolicy", "HTTP2Optional"),
    (LISTENER, {"protocol": "TCP", "certificateArn": None, "alpnPolicy": None}, "sslPolicy", "takes none"),
    (LISTENER, {"tcpIdleTimeoutSeconds": 600}, "tcpIdleTimeoutSeconds", "fixed at 350"),
    (LISTENER, {"defaultActions": [{"type": "send"}]}, "defaultActions[0].type", "forward"),
    (CERTIFICATE, {"domainName": "no spaces"}, "domainName", "must match"),
    (CERTIFICATE, {"domainName": None}, "domainName", "missing"),
    (CERTIFICATE, {"certificateAuthorityArn": "arn:aws:iam::1:role/x"}, "certificateAuthorityArn", "must match"),
    (CERTIFICATE, {"keyAlgorithm": "RSA"}, "keyAlgorithm", "RSA_2048"),
    (DEVICE, {"ipAddress": "office.example.org"}, "ipAddress", "not an address"),
    (DEVICE, {"ipAddress": None}, "ipAddress", "only a device with a certificate"),
    (DEVICE, {"bgpAsn": "0"}, "bgpAsn", "1 to 2147483647"),
    (DEVICE, {"type": "ipsec"}, "type", "ipsec.1"),
    (CONNECTION, {"transitGatewayId": UNKNOWN}, "transitGatewayId", "give one of them"),
    (CONNECTION, {"presharedKeyStorage": "Vault"}, "presharedKeyStorage", "SecretsManager"),
    (CONNECTION, {"tunnel1PresharedKey": "12345678"}, "tunnel1PresharedKey", "no state holds it"),
    (CONNECTION, {"tunnel1IkeVersions": ["ikev2", "ikev3"]}, "tunnel1IkeVersions", "ikev1, ikev2"),
    (CONNECTION, {"tunnel2Phase2EncryptionAlgorithms": ["3DES"]}, "tunnel2Phase2EncryptionAlgorithms", "AES256"),
    (CONNECTION, {"tunnel1Phase1DhGroupNumbers": [5]}, "tunnel1Phase1DhGroupNumbers", "use one of 2, 14"),
    (CONNECTION, {"tunnel1InsideCidr": "10.0.0.0/30"}, "tunnel1InsideCidr", "169.254.0.0/16"),
    (CONNECTION, {"tunnel1InsideCidr": "169.254.169.252/30"}, "tunnel1InsideCidr", "a free /30"),
    (STATIC, {"destinationCidrBlock": "10.200.0.1/16"}, "destinationCidrBlock", "not a CIDR block"),
    (SERVICE, {"networkLoadBalancerArns": None}, "networkLoadBalancerArns", "none given"),
    (SERVICE, {"supportedIpAddressTypes": ["dual"]}, "supportedIpAddressTypes[0]", "ipv4, ipv6"),
    (RANGE, {"cidrBlock": "100.64.0.1/16"}, "cidrBlock", "not a CIDR block"),
    (ZONE, {"name": "a" * 1025}, "name", "1025 characters"),
    (ZONE, {"vpcs": [{"vpc": UNKNOWN, "vpcId": UNKNOWN}]}, "vpcs[0].vpc", "unknown property"),
    (RECORD, {"type": "ALIAS"}, "type", "use one of A, AAAA"),
    (RECORD, {"ttl": 60}, "ttl", "leave it out"),
    (RECORD, {"records": ["10.0.0.1"]}, "records", "exactly one of aliases, records"),
    (RECORD, {"aliases": None, "records": ["10.0.0.1"]}, "ttl", "need it"),
    (ALARM, {"comparisonOperator": "Above"}, "comparisonOperator", "GreaterThanThreshold"),
    (ALARM, {"period": 45}, "period", "a multiple of 60"),
    (ALARM, {"treatMissingData": "ok"}, "treatMissingData", "notBreaching"),
    (ALARM, {"statistic": None}, "statistic", "none given"),
    (ALARM, {"alarmActions": ["arn"] * 6}, "alarmActions", "6 entries"),
    (FILTER, {"pattern": "{ $.a = 1"}, "pattern", "does not close it"),
    (FILTER, {"name": "a:b"}, "name", "must match"),
    (TOPIC, {"name": "no spaces"}, "name", "letters, digits"),
    (TOPIC_POLICY, {"policy": '{"Version": "2012-10-17"}'}, "policy", "no Statement"),
]  # fmt: skip


@pytest.mark.parametrize("type_token", GOOD)
def test_good_inputs_have_no_problems(type_token: str) -> None:
    inputs = checks.completed(type_token, "it", GOOD[type_token], {}, b"", {})
    assert list(checks.problems(type_token, inputs)) == []


@pytest.mark.parametrize(("type_token", "spoiled", "path", "words"), BAD)
def test_a_spoiled_input_is_the_only_problem_and_is_named(
    type_token: str, spoiled: dict[str, Any], path: str, words: str
) -> None:
    given = {key: value for key, value in {**GOOD[type_token], **spoiled}.items() if value is not None}
    problems = list(checks.problems(type_token, checks.completed(type_token, "it", given, {}, b"", {})))
    assert [place for place, _ in problems] == [path]
    assert words in problems[0][1]
    assert "\n" not in problems[0][1]


def test_subnets_of_a_network_balancer_are_added_in_place_and_taken_away_by_replacement() -> None:
    old = {"name": "b", "loadBalancerType": "network", "subnets": ["subnet-1", "subnet-2"]}
    assert difference(BALANCER, old, {**old, "subnets": ["subnet-1", "subnet-2", "subnet-3"]}).replaces == ()
    fewer = difference(BALANCER, old, {**old, "subnets": ["subnet-1"]})
    assert fewer.replaces == ("subnets",)
    assert fewer.delete_first, "two balancers cannot have one name"
    application = {**old, "loadBalancerType": "application"}
    assert difference(BALANCER, application, {**application, "subnets": ["subnet-1"]}).replaces == ()
