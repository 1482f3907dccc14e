"""VPC endpoints and endpoint services: to AWS services, by their own security groups."""

from collections.abc import Iterator

from ..findings import Resource, each, given
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/vpc/latest/privatelink/"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


@rule(_ENDPOINT, fix="Use vpcEndpointType Interface or Gateway.", source=f"{_SOURCE}concepts.html", severity="critical")
def egress_endpoint_leads_to_a_service(endpoint: Resource) -> Iterator[str]:
    """An endpoint is of a kind that leads to one AWS service, not to a network of others."""
    kind = endpoint.get("vpcEndpointType") or "Gateway"
    if kind not in ("Interface", "Gateway"):
        yield f"vpcEndpointType is {kind!r}"
    if endpoint.get("ipAddressType") not in (None, "", "ipv4"):
        yield f"ipAddressType is {endpoint.get('ipAddressType')!r}"
    if endpoint.get("dnsOptions.dnsRecordIpType") not in (None, "", "ipv4", "service-defined"):
        yield f"dnsOptions.dnsRecordIpType is {endpoint.get('dnsOptions.dnsRecordIpType')!r}"
    for path, place in each(endpoint.props, "subnetConfigurations"):
        if place.get("ipv6"):
            yield f"{path}.ipv6 is set"


@rule(
    _ENDPOINT,
    fix="Give securityGroupIds: without it the default group decides.",
    source=f"{_SOURCE}create-interface-endpoint.html",
)
def egress_endpoint_has_a_security_group(endpoint: Resource) -> Iterator[str]:
    """An interface endpoint has a security group of its own."""
    if endpoint.get("vpcEndpointType") != "Interface":
        return
    if given(endpoint.props, "securityGroupIds") == 0:
        yield "securityGroupIds is empty"


RULES: tuple[Rule, ...] = (egress_endpoint_leads_to_a_service, egress_endpoint_has_a_security_group)
