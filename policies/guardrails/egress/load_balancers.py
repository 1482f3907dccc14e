"""Load balancers and build machines: internal, IPv4, redirecting nowhere."""

from collections.abc import Iterator

from ..addresses import is_private_host
from ..findings import Resource, each, given, names
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html"


@rule(
    "aws:lb/loadBalancer:LoadBalancer",
    fix="Set internal to true and ipAddressType to ipv4.",
    source=_SOURCE,
    severity="critical",
)
def egress_load_balancer_is_internal(balancer: Resource) -> Iterator[str]:
    """A load balancer has private addresses only."""
    if balancer.get("internal") is not True:
        yield "internal is not true"
    if balancer.get("ipAddressType") not in (None, "ipv4"):
        yield f"ipAddressType is {balancer.get('ipAddressType')!r}"
    for key in ("customerOwnedIpv4Pool", "ipamPools"):
        if names(balancer.props, key):
            yield f"{key} is set, so a pool gives it addresses"
    for path, mapping in each(balancer.props, "subnetMappings"):
        for key in ("allocationId", "ipv6Address", "sourceNatIpv6Prefix"):
            if mapping.get(key):
                yield f"{path}.{key} is set"


@rule(
    "aws:lb/loadBalancer:LoadBalancer",
    fix="Give securityGroups when it is made: without one it admits every address, and none can be added later.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html",
)
def egress_load_balancer_has_a_security_group(balancer: Resource) -> Iterator[str]:
    """A load balancer has a security group of its own."""
    if given(balancer.props, "securityGroups") == 0:
        yield "securityGroups is empty"


@rule("aws:lb/listener:Listener", fix="Forward to a target group; the gateway checks tokens.", source=_SOURCE)
def egress_listener_forwards_inside(listener: Resource) -> Iterator[str]:
    """A listener neither redirects callers outside nor calls an identity provider itself."""
    for path, action in each(listener.props, "defaultActions"):
        redirect = action.get("redirect")
        if redirect and not is_private_host(redirect.get("host"), listener.estate):
            yield f"{path}.redirect.host leads outside"
        for key in ("authenticateOidc", "authenticateCognito"):
            if action.get(key):
                yield f"{path}.{key} is set"


@rule(
    "aws:codebuild/project:Project",
    fix="Give vpcConfig with private subnets and PRIVATE visibility.",
    source="https://docs.aws.amazon.com/codebuild/latest/userguide/vpc-support.html",
)
def egress_build_runs_in_the_vpc(project: Resource) -> Iterator[str]:
    """A build machine runs inside the VPC and shows its logs to nobody else."""
    config = project.get("vpcConfig") or {}
    if given(config, "subnets") == 0 or given(config, "securityGroupIds") == 0:
        yield "vpcConfig is not given"
    if project.get("projectVisibility") not in (None, "PRIVATE"):
        yield f"projectVisibility is {project.get('projectVisibility')!r}"


RULES: tuple[Rule, ...] = (
    egress_load_balancer_is_internal,
    egress_load_balancer_has_a_security_group,
    egress_listener_forwards_inside,
    egress_build_runs_in_the_vpc,
)
