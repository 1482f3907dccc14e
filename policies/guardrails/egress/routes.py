"""Route tables: traffic may leave a VPC to a declared peer or on-premises network only."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..addresses import inside
from ..findings import Resource, each, known, names
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html"
_FIX = (
    "Route a declared peer's range over its peering connection, or a declared on-premises range over the VPN gateway; "
    "endpoints add their own routes."
)
_OTHER_TARGETS = (
    "carrierGatewayId",
    "coreNetworkArn",
    "egressOnlyGatewayId",
    "instanceId",
    "localGatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "odbNetworkArn",
    "transitGatewayId",
    "vpcEndpointId",
)
_OTHER_DESTINATIONS = (
    "destinationIpv6CidrBlock",
    "destinationPrefixListId",
    "ipv6CidrBlock",
)


def route_problems(route: Mapping[str, Any], destination: str, resource: Resource) -> Iterator[str]:
    """What makes one route leave the estate; empty texts count as absent."""
    for key in (*_OTHER_TARGETS, *_OTHER_DESTINATIONS):
        if key != destination and names(route, key):
            yield f"{key} is set"
    cidr = route.get(destination)
    if names(route, "gatewayId"):
        yield from _vpn_problems(route, cidr, destination, resource)
        return
    if not inside(cidr, [peer.cidr for peer in resource.estate.peers]):
        yield f"{destination} {cidr!r} is not inside a peer's range"
    if not names(route, "vpcPeeringConnectionId"):
        yield "vpcPeeringConnectionId is not given, so it leads over no peering connection"


def _vpn_problems(route: Mapping[str, Any], cidr: Any, destination: str, resource: Resource) -> Iterator[str]:
    gateway = known(route, "gatewayId")
    if gateway is not None and not str(gateway).startswith("vgw-"):
        yield f"gatewayId is {gateway!r}, which is no VPN gateway"
    if names(route, "vpcPeeringConnectionId"):
        yield "gatewayId and vpcPeeringConnectionId are both set"
    if not inside(cidr, resource.estate.on_premises_cidrs):
        yield f"{destination} {cidr!r} leads to gatewayId and is not inside an on-premises range of the estate"


@rule("aws:ec2/route:Route", fix=_FIX, source=_SOURCE, severity="critical")
def egress_route_leads_to_a_peer(route: Resource) -> Iterator[str]:
    """A route leads to a declared peer or on-premises network and nowhere else."""
    yield from route_problems(route.props, "destinationCidrBlock", route)


@rule("aws:ec2/routeTable:RouteTable", fix=_FIX, source=_SOURCE, severity="critical")
def egress_table_routes_lead_to_peers(table: Resource) -> Iterator[str]:
    """The routes inside a route table lead to declared peers or on-premises networks and nowhere else."""
    for path, route in each(table.props, "routes"):
        for problem in route_problems(route, "cidrBlock", table):
            yield f"{path}: {problem}"


@rule(
    "aws:ec2/defaultRouteTable:DefaultRouteTable",
    fix="Adopt the default route table with `routes: []`.",
    source=_SOURCE,
    severity="critical",
)
def egress_default_route_table_is_empty(table: Resource) -> Iterator[str]:
    """A VPC's default route table has no routes of its own."""
    if list(each(table.props, "routes")):
        yield "routes is not empty"


@rule(
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/defaultRouteTable:DefaultRouteTable",
    fix="Leave propagatingVgws out.",
    source=_SOURCE,
)
def egress_no_route_propagation(table: Resource) -> Iterator[str]:
    """No gateway may put routes into a table by itself."""
    if list(each(table.props, "propagatingVgws")):
        yield "propagatingVgws is not empty"


@rule("aws:ec2/routeTableAssociation:RouteTableAssociation", fix="Associate the table with a subnet.", source=_SOURCE)
def egress_association_is_of_a_subnet(association: Resource) -> Iterator[str]:
    """A route table is associated with subnets, never with a gateway."""
    if names(association.props, "gatewayId"):
        yield "gatewayId is set"


RULES: tuple[Rule, ...] = (
    egress_route_leads_to_a_peer,
    egress_table_routes_lead_to_peers,
    egress_default_route_table_is_empty,
    egress_no_route_propagation,
    egress_association_is_of_a_subnet,
)
