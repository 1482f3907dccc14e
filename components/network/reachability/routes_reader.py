"""Subnets and route tables of a plan."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

from components.network.reachability.model import Route, RouteKind, RouteTable, Subnet, SubnetKind
from components.network.reachability.references import References, Resource, UnreadablePlanError

TABLE: Final = "aws:ec2/routeTable:RouteTable"
MAIN_TABLE: Final = "aws:ec2/defaultRouteTable:DefaultRouteTable"
ACL: Final = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL: Final = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
SUBNET: Final = "aws:ec2/subnet:Subnet"
PEERINGS: Final = (
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
)
VPN_GATEWAY: Final = "aws:ec2/vpnGateway:VpnGateway"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
KINDS: Final[Mapping[str, SubnetKind]] = {
    "-nodes-": "nodes",
    "-pods-": "pods",
    "-endpoints-": "endpoints",
    "-runner-": "runner",
}


def read_subnets(found: References) -> dict[str, Subnet]:
    """Name -> subnet, with the table and the ACL that are bound to it.

    Raises:
        UnreadablePlanError: a subnet's name does not say what stands in it.
    """
    tables, acls = _bindings(found)
    # What is bound to nothing gets what the VPC was made with.
    main = next((table.name for table in found.of(MAIN_TABLE)), "")
    default = next((acl.name for acl in found.of(DEFAULT_ACL)), "")
    subnets = {}
    for subnet in found.of(SUBNET):
        kind = next((kind for part, kind in KINDS.items() if part in subnet.name), None)
        if kind is None:
            raise UnreadablePlanError(f"{subnet.name}: what stands in this subnet? Known are {', '.join(KINDS)}")
        subnets[subnet.name] = Subnet(
            name=subnet.name,
            zone=str(subnet.inputs["availabilityZone"]),
            kind=kind,
            cidr=IPv4Network(subnet.inputs["cidrBlock"]),
            route_table=tables.get(subnet.name, main),
            acl=acls.get(subnet.name, default),
        )
    return subnets


def read_route_tables(
    found: References, ranges: Sequence[IPv4Network], storage: Mapping[str, Sequence[IPv4Network]]
) -> dict[str, RouteTable]:
    """Name -> table with all its lines: the VPC's own ranges, inline and separate routes, S3's prefix list.

    Args:
        found: the plan.
        ranges: of the VPC.
        storage: name of a gateway endpoint -> ranges of its prefix list.
    """
    lines: dict[str, list[Route]] = {
        table.name: [Route(destination=cidr, kind="local", target="local", name=table.name) for cidr in ranges]
        for table in found.of(TABLE, MAIN_TABLE)
    }
    for table in found.of(TABLE, MAIN_TABLE):
        for inline in table.inputs.get("routes", []):
            lines[table.name].extend(_routes(found, table, "routes", inline, storage))
    for route in found.of("aws:ec2/route:Route"):
        name = found.name(route, "routeTableId", TABLE)
        lines.setdefault(name, []).extend(_routes(found, route, None, route.inputs, storage))
    for endpoint in found.of(ENDPOINT):
        if endpoint.inputs.get("vpcEndpointType") == "Gateway":
            for name in found.names(endpoint, "routeTableIds", endpoint.inputs.get("routeTableIds", []), TABLE):
                lines.setdefault(name, []).extend(_storage(endpoint.name, storage))
    return {name: RouteTable(name=name, routes=tuple(routes)) for name, routes in lines.items()}


def _bindings(found: References) -> tuple[dict[str, str], dict[str, str]]:
    """Subnet -> route table, and subnet -> network ACL."""
    tables, acls = {}, {}
    for each in found.of("aws:ec2/routeTableAssociation:RouteTableAssociation"):
        tables[found.name(each, "subnetId", SUBNET)] = found.name(each, "routeTableId", TABLE)
    for acl in found.of(ACL):
        for subnet in found.names(acl, "subnetIds", acl.inputs.get("subnetIds", []), SUBNET):
            acls[subnet] = acl.name
    return tables, acls


def _storage(endpoint: str, storage: Mapping[str, Sequence[IPv4Network]]) -> Iterator[Route]:
    for cidr in storage[endpoint]:
        yield Route(destination=cidr, kind="storage", target=endpoint, name=endpoint)


def _routes(
    found: References,
    resource: Resource,
    key: str | None,
    line: Mapping[str, Any],
    storage: Mapping[str, Sequence[IPv4Network]],
) -> Iterator[Route]:
    """One declared line; by `key` its ids are looked up below one input, otherwise each is an input of its own."""
    kind, target = _target(found, resource, key, line)
    if (cidr := line.get("destinationCidrBlock") or line.get("cidrBlock")) is not None:
        yield Route(destination=IPv4Network(cidr), kind=kind, target=target, name=resource.name)
    elif line.get("destinationPrefixListId"):
        # Nobody but AWS's own gateway endpoints needs a prefix list here; any other content is unknown.
        raise UnreadablePlanError(f"{resource.name}: a route to a prefix list, whose ranges are not in the plan")


def _target(found: References, resource: Resource, key: str | None, line: Mapping[str, Any]) -> tuple[RouteKind, str]:
    def name(field: str, *tokens: str) -> str:
        return ", ".join(found.names(resource, key or field, [str(line[field])], *tokens))

    if line.get("vpcPeeringConnectionId"):
        return "peering", name("vpcPeeringConnectionId", *PEERINGS)
    if gateway := line.get("gatewayId"):
        if gateway == "local":
            return "local", "local"
        target = name("gatewayId", VPN_GATEWAY)
        planned = target in {each.name for each in found.of(VPN_GATEWAY)}
        return ("vpn" if planned or target.startswith("vgw-") else "other"), target
    targets = [str(value) for field, value in line.items() if field.endswith(("Id", "Arn")) and value]
    return "other", next((value for value in targets if not value.startswith("rtb-")), "nothing")
