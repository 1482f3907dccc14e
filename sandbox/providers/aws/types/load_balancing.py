"""Load balancers and the certificates of their listeners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .kind import Kind


def _replaced_balancer(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """A network load balancer takes subnets on but gives none up, and has security groups from the start or never.

    Source: documentation of the Terraform provider's `aws_lb`, arguments `subnets` and `security_groups`.
    """
    if new.get("loadBalancerType") != "network":
        return
    if set(old.get("subnets") or []) - set(new.get("subnets") or []):
        yield "subnets"
    if bool(old.get("securityGroups")) != bool(new.get("securityGroups")):
        yield "securityGroups"


LOAD_BALANCING: Final[Mapping[str, Kind]] = {
    "aws:lb/loadBalancer:LoadBalancer": Kind(
        operation="elbv2.CreateLoadBalancer",
        rename={"loadBalancerType": "Type", "enablePrefixForIpv6SourceNat": ""},
        immutable=("name", "namePrefix", "internal", "loadBalancerType", "customerOwnedIpv4Pool", "subnetMappings"),
        replaced_by=_replaced_balancer,
        name="name",
        defaults={
            "loadBalancerType": "application",
            "enableDeletionProtection": False,
            "internal": False,
            "ipAddressType": "ipv4",
        },
    ),
    "aws:lb/targetGroup:TargetGroup": Kind(
        operation="elbv2.CreateTargetGroup",
        rename={"healthCheck": "", "targetControlPort": ""},
        immutable=(
            "name",
            "namePrefix",
            "port",
            "protocol",
            "protocolVersion",
            "targetType",
            "vpcId",
            "ipAddressType",
            "targetControlPort",
        ),
        name="name",
        defaults={"deregistrationDelay": 300, "targetType": "instance", "ipAddressType": "ipv4"},
    ),
    "aws:lb/listener:Listener": Kind(
        operation="elbv2.CreateListener",
        rename={"certificateArn": "Certificates"},
        immutable=("loadBalancerArn",),
    ),
    "aws:acm/certificate:Certificate": Kind(
        operation="acm.RequestCertificate",
        rename={"validationOptions": "DomainValidationOptions"},
        immutable=(
            "domainName",
            "certificateAuthorityArn",
            "keyAlgorithm",
            "subjectAlternativeNames",
            "validationMethod",
            "validationOptions",
        ),
    ),
}
