"""From planned resources to a network: the one way in, for tests, for the command and for the drawing."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Final

from components.network.reachability.filters_reader import read_acls, read_groups
from components.network.reachability.kubernetes_reader import read_cluster
from components.network.reachability.model import Network
from components.network.reachability.names_reader import read_name_rules, read_zones
from components.network.reachability.outside_reader import read_outside
from components.network.reachability.places_reader import read_front, read_inside
from components.network.reachability.references import References, Resource, UnreadablePlanError
from components.network.reachability.routes_reader import read_route_tables, read_subnets

DECIDING: Final = ("aws:ec2/", "aws:vpc/", "aws:lb/", "aws:alb/", "aws:ec2transitgateway/", "aws:networkfirewall/")
"""Families of types that can decide who reaches whom; one that is not in `KNOWN` must not be overlooked."""
KNOWN: Final = frozenset(
    {
        "aws:ec2/customerGateway:CustomerGateway",
        "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
        "aws:ec2/defaultRouteTable:DefaultRouteTable",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/networkAcl:NetworkAcl",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions",
        "aws:ec2/vpcDhcpOptions:VpcDhcpOptions",
        "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ec2/vpcEndpointService:VpcEndpointService",
        "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
        "aws:ec2/vpnConnection:VpnConnection",
        "aws:ec2/vpnConnectionRoute:VpnConnectionRoute",
        "aws:ec2/vpnGateway:VpnGateway",
        "aws:lb/listener:Listener",
        "aws:lb/loadBalancer:LoadBalancer",
        "aws:lb/targetGroup:TargetGroup",
    }
)


def read_network(
    resources: Sequence[Resource],
    *,
    storage_cidrs: Sequence[str],
    storage_prefix_list: str = "",
    serving: Sequence[Resource] = (),
) -> Network:
    """The network that a platform stack plans, with the pods of a serving stack on it if one is given.

    Args:
        resources: of the platform stack.
        storage_cidrs: S3's ranges behind the prefix list of the region's gateway endpoint.
        storage_prefix_list: id of that list, where the plan names it literally.
        serving: resources of the serving stack; without it no NetworkPolicy is known and pods count as open.

    Raises:
        UnreadablePlanError: the plan holds no VPC, or something whose effect on reachability is not known here.
    """
    found = References(resources)
    _refuse_unknown(found, resources)
    ranges = _ranges(found)
    storage = {
        endpoint.name: tuple(IPv4Network(cidr) for cidr in storage_cidrs)
        for endpoint in found.of("aws:ec2/vpcEndpoint:VpcEndpoint")
        if endpoint.inputs.get("vpcEndpointType") == "Gateway"
    }
    tables = read_route_tables(found, ranges, storage)
    subnets = read_subnets(found)
    groups = read_groups(found, dict.fromkeys([storage_prefix_list], next(iter(storage), "")))
    front = read_front(found)
    cluster = read_cluster(References(serving), found)
    outside = read_outside(found, tables, storage)
    places = [*read_inside(found, subnets, cluster.pods, front), *outside]
    return Network(
        ranges=ranges,
        subnets=subnets,
        route_tables=tables,
        acls=read_acls(found),
        groups=groups,
        storage=storage,
        places={place.name: place for place in places},
        front=front,
        name_rules=read_name_rules(found),
        zones=read_zones(found, [place.role for place in outside]),
        public_access_blocked=any(
            block.inputs.get("internetGatewayBlockMode") == "block-bidirectional"
            for block in found.of("aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions")
        ),
        pods_filtered=bool(serving),
        pods_reach_metadata=not _metadata_closed(found),
        policies=cluster.policies,
        namespaces=cluster.namespaces,
    )


def _refuse_unknown(found: References, resources: Sequence[Resource]) -> None:
    for resource in resources:
        if resource.type.startswith(DECIDING) and resource.type not in KNOWN:
            raise UnreadablePlanError(
                f"{resource.name}: the analysis does not know {resource.type}, which may decide who reaches whom"
            )
    if len(vpcs := list(found.of("aws:ec2/vpc:Vpc"))) != 1:
        raise UnreadablePlanError(f"the plan holds {len(vpcs)} VPCs; the analysis is of one")


def _ranges(found: References) -> tuple[IPv4Network, ...]:
    """The VPC's own range, then those that are joined to it."""
    declared = found.of("aws:ec2/vpc:Vpc", "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation")
    return tuple(
        IPv4Network(each.inputs["cidrBlock"]) for each in sorted(declared, key=lambda each: "Association" in each.type)
    )


def _metadata_closed(found: References) -> bool:
    """Whether no pod can get an answer of the instance metadata: a token is needed, and it dies at the first hop."""
    options = [
        template.inputs.get("metadataOptions", {}) for template in found.of("aws:ec2/launchTemplate:LaunchTemplate")
    ]
    return all(
        option.get("httpEndpoint") == "disabled"
        or (option.get("httpTokens") == "required" and option.get("httpPutResponseHopLimit") == 1)
        for option in options
    )
