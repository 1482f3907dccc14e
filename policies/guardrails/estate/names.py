"""Private names: who may ask for them, and what they lead to."""

from collections.abc import Iterator

from ..findings import Resource, each, known
from ..rules import Rule, rule
from ..stack import Stack, count_unknown, identities, origins

_VPC = "aws:ec2/vpc:Vpc"
_ZONE = "aws:route53/zone:Zone"
_ASSOCIATION = "aws:route53/zoneAssociation:ZoneAssociation"
_RECORD = "aws:route53/record:Record"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_ZONES = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-private.html"


@rule(_ZONE, _ASSOCIATION, fix="Associate VPCs of this stack, or of a peer in estate.yaml.", source=_ZONES)
def estate_zones_serve_known_vpcs(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A private zone answers VPCs of this stack and of declared peers only."""
    vpcs = stack.of(_VPC)
    own = set().union(*(identities(vpc) for vpc in vpcs))
    for resource, key in (
        *((zone, "vpcs.vpcId") for zone in stack.of(_ZONE)),
        *((association, "vpcId") for association in stack.of(_ASSOCIATION)),
    ):
        accepted = own | {peer.vpc_id for peer in resource.estate.peers}
        unknown = count_unknown(resource, key) or "vpcs" in resource.unknowns
        if unknown and not any(source.type == _VPC for source in origins(resource, key)):
            yield resource, f"{key} is not known and comes from no managed VPC"
        for path, leaf in resource.leaves:
            if path.endswith("vpcId") and leaf not in accepted:
                yield resource, f"{path} {leaf!r} is neither of this stack nor a peer's"


@rule(
    _RECORD,
    fix="Point the alias to an endpoint or an internal load balancer of this stack.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html",
)
def estate_aliases_lead_to_managed_targets(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """An alias leads to an endpoint or load balancer of this stack, never to somebody's beside it."""
    targets = (*stack.of(_ENDPOINT), *stack.of(_BALANCER))
    endpoints = tuple(prefix for endpoint in stack.of(_ENDPOINT) for prefix in _host_prefixes(endpoint))
    balancers = {value for balancer in stack.of(_BALANCER) for value in identities(balancer)}
    urns = {target.urn for target in targets}
    for record in stack.of(_RECORD):
        proved = any(source.urn in urns for source in origins(record, "aliases"))
        if count_unknown(record, "aliases") and not proved:
            yield record, "aliases is not known and comes from no managed endpoint or load balancer"
        for path, alias in each(record.props, "aliases") if not count_unknown(record, "aliases.name") else ():
            name = str(known(alias, "name") or "").rstrip(".").lower().removeprefix("dualstack.")
            if not proved and not (endpoints and name.startswith(endpoints)) and name not in balancers:
                yield record, f"{path}.name {name!r} is of no endpoint or load balancer of this stack"


@rule(
    _ENDPOINT,
    fix="Set privateDnsEnabled to true, or declare a private zone with an alias record.",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/manage-dns-names.html",
)
def estate_endpoint_names_resolve_inside(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The public name of an endpoint's service resolves to the endpoint, for everybody whom its zone serves."""
    for endpoint in stack.of(_ENDPOINT):
        if endpoint.get("vpcEndpointType") != "Interface" or endpoint.get("privateDnsEnabled") is True:
            continue
        names = service_names(str(endpoint.get("serviceName")))
        zones = [zone for zone in stack.of(_ZONE) if zone.get("name") in names and list(each(zone.props, "vpcs"))]
        if not any(_has_alias(stack, zone, endpoint) for zone in zones):
            yield endpoint, f"privateDnsEnabled is not true and no private zone answers {' or '.join(names)}"


def _host_prefixes(endpoint: Resource) -> tuple[str, ...]:
    """What every host name of an endpoint begins with."""
    return tuple(f"{value}-" for value in identities(endpoint) if value.startswith("vpce-"))


def _has_alias(stack: Stack, zone: Resource, endpoint: Resource) -> bool:
    """Whether the zone's own name is an alias of the endpoint, by dependency or by its id."""
    prefixes = _host_prefixes(endpoint)
    for record in stack.pointing(_RECORD, "zoneId", zone):
        if record.get("name") not in (zone.get("name"), ""):
            continue
        if any(source.urn == endpoint.urn for source in origins(record, "aliases")):
            return True
        names = [str(known(alias, "name")) for _, alias in each(record.props, "aliases")]
        if prefixes and any(name.startswith(prefixes) for name in names):
            return True
    return False


def service_names(service: str) -> tuple[str, ...]:
    """The public names of the service behind an endpoint service's name such as com.amazonaws.<region>.sts."""
    _, _, rest = service.partition(".amazonaws.")
    region, _, suffix = rest.partition(".")
    if not suffix:
        return (service,)
    host = ".".join([*reversed(suffix.split(".")), region])
    # In the Sovereign Cloud some service names begin with com.amazonaws: the region tells the domain, not the prefix.
    domains = (
        ("amazonaws.eu", "api.amazonwebservices.eu") if region.startswith("eusc-") else ("amazonaws.com", "api.aws")
    )
    return tuple(f"{host}.{domain}" for domain in domains)


RULES: tuple[Rule, ...] = (
    estate_zones_serve_known_vpcs,
    estate_aliases_lead_to_managed_targets,
    estate_endpoint_names_resolve_inside,
)
