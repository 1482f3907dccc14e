"""Network load balancers, their listeners and certificates, and endpoint services, in the AWS stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.providers.serve import ProviderError
from tests.sandbox.aws_lab import Lab, Refused, Thing, lab

pytestmark = pytest.mark.servers

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GROUP = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
CERTIFICATE = "aws:acm/certificate:Certificate"
SERVICE = "aws:ec2/vpcEndpointService:VpcEndpointService"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
AUTHORITY = "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11111111-2222-3333-4444-555555555555"
POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
PEER = "arn:aws:iam::444455556666:root"


@dataclass(frozen=True)
class Front:
    """A gateway's way in, as the product declares it."""

    subnets: list[Thing]
    group: Thing
    balancer: Thing
    targets: Thing
    certificate: Thing
    listener: Thing


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("aws"), "eu-central-1") as made:
        yield made


def front(account: Lab, name: str, *, zones: str = "abc", protected: bool = False) -> Front:
    """A front whose balancer is in the first two zones."""
    vpc, subnets = account.vpc(name, zones=zones)
    group = account.create(SECURITY_GROUP, name, {"vpcId": vpc.id})
    balancer = account.create(
        BALANCER,
        name,
        {
            "name": name,
            "loadBalancerType": "network",
            "internal": True,
            "subnets": [subnet.id for subnet in subnets[:2]],
            "securityGroups": [group.id],
            "enableDeletionProtection": protected,
            "enableCrossZoneLoadBalancing": False,
            "dnsRecordClientRoutingPolicy": "availability_zone_affinity",
        },
    )
    check = {"protocol": "HTTPS", "path": "/v1/models", "matcher": "401"}
    targets = account.create(
        GROUP,
        name,
        {
            "name": name,
            "vpcId": vpc.id,
            "port": 8443,
            "protocol": "TLS",
            "targetType": "ip",
            "preserveClientIp": "false",
            "deregistrationDelay": 300,
            "healthCheck": check,
        },
    )
    names = {"domainName": f"{name}.example.internal", "certificateAuthorityArn": AUTHORITY}
    certificate = account.create(CERTIFICATE, name, names)
    listener = account.create(
        LISTENER,
        name,
        {
            "loadBalancerArn": balancer.id,
            "port": 443,
            "protocol": "TLS",
            "sslPolicy": POLICY,
            "certificateArn": certificate.id,
            "alpnPolicy": "HTTP2Optional",
            "defaultActions": [{"type": "forward", "targetGroupArn": targets.id}],
        },
    )
    return Front(subnets, group, balancer, targets, certificate, listener)


def shared(account: Lab, made: Front) -> Thing:
    """The front as an endpoint service for one other account."""
    inputs = {
        "acceptanceRequired": True,
        "allowedPrincipals": [PEER],
        "networkLoadBalancerArns": [made.balancer.id],
        "supportedIpAddressTypes": ["ipv4"],
        "supportedRegions": ["eu-central-1"],
    }
    return account.create(SERVICE, made.balancer.inputs["name"], inputs)


def attributes(answer: Any) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in answer["Attributes"]}


def test_the_life_of_a_front(account: Lab) -> None:
    made, elb = front(account, "life"), account.client("elbv2")
    assert ":loadbalancer/net/life/" in made.balancer.id
    assert made.balancer.outputs["arnSuffix"].startswith("net/life/")
    assert made.balancer.outputs["dnsName"].endswith(".elb.eu-central-1.amazonaws.com")
    balancer = elb.describe_load_balancers(LoadBalancerArns=[made.balancer.id])["LoadBalancers"][0]
    assert (balancer["Scheme"], balancer["Type"]) == ("internal", "network")
    assert balancer["SecurityGroups"] == [made.group.id]
    settings = attributes(elb.describe_load_balancer_attributes(LoadBalancerArn=made.balancer.id))
    assert settings["dns_record.client_routing_policy"] == "availability_zone_affinity"
    targets = elb.describe_target_groups(TargetGroupArns=[made.targets.id])["TargetGroups"][0]
    assert targets["Matcher"] == {"HttpCode": "401"}
    assert targets["HealthCheckPath"] == "/v1/models"
    settings = attributes(elb.describe_target_group_attributes(TargetGroupArn=made.targets.id))
    assert settings["preserve_client_ip.enabled"] == "false"
    (listener,) = elb.describe_listeners(ListenerArns=[made.listener.id])["Listeners"]
    assert (listener["SslPolicy"], listener["AlpnPolicy"]) == (POLICY, ["HTTP2Optional"])
    assert listener["Certificates"] == [{"CertificateArn": made.certificate.id}]

    subnets = [subnet.id for subnet in made.subnets]
    account.update(made.balancer, {"subnets": subnets, "enableCrossZoneLoadBalancing": True})
    zones = elb.describe_load_balancers(LoadBalancerArns=[made.balancer.id])
    assert len(zones["LoadBalancers"][0]["AvailabilityZones"]) == 3
    account.update(made.targets, {"healthCheck": {"protocol": "HTTPS", "path": "/healthy", "matcher": "200"}})
    targets = elb.describe_target_groups(TargetGroupArns=[made.targets.id])["TargetGroups"][0]
    assert (targets["HealthCheckPath"], targets["Matcher"]) == ("/healthy", {"HttpCode": "200"})
    names = {"domainName": "second.example.internal", "certificateAuthorityArn": AUTHORITY}
    second = account.create(CERTIFICATE, "second", names)
    account.update(made.listener, {"certificateArn": second.id})
    (listener,) = elb.describe_listeners(ListenerArns=[made.listener.id])["Listeners"]
    assert listener["Certificates"] == [{"CertificateArn": second.id}]
    assert listener["Protocol"] == "TLS"

    with pytest.raises(ProviderError, match="ResourceInUseException"):
        account.delete(second)
    with pytest.raises(ProviderError, match="ResourceInUse: The target group"):
        account.delete(made.targets)
    for thing in (made.listener, made.certificate, second, made.targets, made.balancer):
        account.delete(thing)
        assert account.read(thing) is None


def test_what_replaces_a_front_and_what_does_not(account: Lab) -> None:
    made = front(account, "replaced")
    assert account.replaces(made.balancer, {"internal": False}) == ["internal"]
    assert account.replaces(made.balancer, {"subnets": [made.subnets[0].id]}) == ["subnets"]
    assert account.replaces(made.balancer, {"subnets": [subnet.id for subnet in made.subnets]}) == []
    assert account.replaces(made.balancer, {"securityGroups": []}) == ["securityGroups"]
    assert account.replaces(made.targets, {"port": 8444}) == ["port"]
    assert account.replaces(made.targets, {"deregistrationDelay": 60}) == []
    assert account.replaces(made.listener, {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}) == []
    assert account.replaces(made.certificate, {"domainName": "other.example.internal"}) == ["domainName"]


def test_a_protected_balancer_stays_until_its_protection_goes(account: Lab) -> None:
    made = front(account, "protected", protected=True)
    with pytest.raises(ProviderError, match="deletion protection is enabled") as refusal:
        account.delete(made.balancer)
    assert "\n" not in str(refusal.value)
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        account.client("elbv2").delete_load_balancer(LoadBalancerArn=made.balancer.id)
    free = account.update(made.balancer, {"enableDeletionProtection": False})
    account.delete(free)
    assert account.read(free) is None
    assert account.read(made.listener) is None, "listeners go with their balancer"


def test_pods_register_their_own_addresses(account: Lab) -> None:
    made, elb = front(account, "registering"), account.client("elbv2")
    target = {"Id": "10.42.0.77", "Port": 8443}
    elb.register_targets(TargetGroupArn=made.targets.id, Targets=[target])
    (health,) = elb.describe_target_health(TargetGroupArn=made.targets.id)["TargetHealthDescriptions"]
    assert health["Target"] == target
    elb.deregister_targets(TargetGroupArn=made.targets.id, Targets=[target])
    assert elb.describe_target_health(TargetGroupArn=made.targets.id)["TargetHealthDescriptions"] == []


def test_the_life_of_an_endpoint_service(account: Lab) -> None:
    made, ec2 = front(account, "shared"), account.client("ec2")
    service = shared(account, made)
    assert service.outputs["serviceName"] == f"com.amazonaws.vpce.eu-central-1.{service.id}"
    assert service.outputs["availabilityZones"] == ["eu-central-1a", "eu-central-1b"]
    described = ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[service.id])["ServiceConfigurations"][0]
    assert described["AcceptanceRequired"] is True
    assert described["NetworkLoadBalancerArns"] == [made.balancer.id]
    with pytest.raises(ProviderError, match="associated with another service"):
        account.delete(made.balancer)

    other = "arn:aws:iam::777788889999:role/caller"
    changed = account.update(service, {"allowedPrincipals": [other], "acceptanceRequired": False})
    principals = ec2.describe_vpc_endpoint_service_permissions(ServiceId=service.id)["AllowedPrincipals"]
    assert [entry["Principal"] for entry in principals] == [other]
    assert changed.outputs["acceptanceRequired"] is False

    for thing in (changed, made.listener, made.balancer):
        account.delete(thing)
        assert account.read(thing) is None


def test_a_front_outlives_a_restart_and_so_does_its_protection(account: Lab) -> None:
    made = front(account, "kept", protected=True)
    service = shared(account, made)
    account.outlives_a_restart(made.balancer, made.targets, made.certificate, made.listener, service)
    with pytest.raises(ProviderError, match="deletion protection is enabled"):
        account.delete(made.balancer)


def test_a_balancer_in_one_zone_twice_or_with_a_taken_name_is_refused(account: Lab) -> None:
    made = front(account, "taken")
    inputs = {"loadBalancerType": "network", "internal": True}
    with pytest.raises(ProviderError, match="DuplicateLoadBalancerName"):
        account.create(BALANCER, "again", {**inputs, "name": "taken", "subnets": [made.subnets[0].id]})
    with pytest.raises(ProviderError, match="multiple subnets in the same zone"):
        account.create(BALANCER, "twice", {**inputs, "subnets": [made.subnets[0].id] * 2})
    groups = ["sg-0123456789abcdef0"]
    with pytest.raises(ProviderError, match=r"securityGroups\[0\]: 'sg-0123456789abcdef0' does not exist"):
        account.create(BALANCER, "x", {**inputs, "subnets": [made.subnets[0].id], "securityGroups": groups})


def test_references_of_a_listener_must_exist(account: Lab) -> None:
    made = front(account, "refers")
    inputs = {key: value for key, value in made.listener.inputs.items() if key != "tagsAll"} | {"port": 8443}
    nowhere = made.certificate.id[:-12] + "000000000000"
    with pytest.raises(ProviderError, match=f"certificateArn: '{nowhere}' does not exist"):
        account.create(LISTENER, "certificate", {**inputs, "certificateArn": nowhere})
    with pytest.raises(ProviderError, match="SSLPolicyNotFound"):
        account.create(LISTENER, "policy", {**inputs, "sslPolicy": "ELBSecurityPolicy-TLS14"})
    with pytest.raises(ProviderError, match="DuplicateListener"):
        account.create(LISTENER, "port", {**inputs, "port": 443})
    with pytest.raises(Refused, match="certificateArn: missing; a listener of protocol TLS needs a certificate"):
        account.create(LISTENER, "bare", {key: value for key, value in inputs.items() if key != "certificateArn"})
