from ipaddress import IPv4Network

import pytest

from tests.plan import Plan
from tests.platform_stack import platform

OPEN_TYPES = ("internetGateway", "natGateway", "egressOnlyInternetGateway", "eip", "vpnGateway", "transitGateway")


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


def test_nothing_that_leads_out_is_declared(planned: Plan) -> None:
    assert [r.type for r in planned.resources if any(f"/{kind}:" in r.type for kind in OPEN_TYPES)] == []


def test_every_subnet_is_private_and_in_a_zone_of_the_region(planned: Plan) -> None:
    subnets = planned.of("aws:ec2/subnet:Subnet")
    assert len(subnets) == 6
    for subnet in subnets:
        assert subnet.inputs["mapPublicIpOnLaunch"] is False
        assert subnet.inputs["assignIpv6AddressOnCreation"] is False
        assert subnet.inputs["availabilityZone"].startswith("eu-central-1")
        assert IPv4Network(subnet.inputs["cidrBlock"]).subnet_of(IPv4Network("10.42.0.0/16"))


def test_every_subnet_is_bound_to_a_managed_route_table(planned: Plan) -> None:
    tables = {table.urn for table in planned.of("aws:ec2/routeTable:RouteTable")}
    bound = {}
    for association in planned.of("aws:ec2/routeTableAssociation:RouteTableAssociation"):
        [subnet] = association.property_dependencies["subnetId"]
        [bound[subnet]] = [set(association.property_dependencies["routeTableId"]) & tables]
    assert set(bound) == {subnet.urn for subnet in planned.of("aws:ec2/subnet:Subnet")}


def test_no_route_exists_without_a_peer(planned: Plan) -> None:
    assert planned.of("aws:ec2/route:Route") == []
    assert all("routes" not in table.inputs for table in planned.of("aws:ec2/routeTable:RouteTable"))


def test_what_aws_creates_open_is_emptied(planned: Plan) -> None:
    group = planned.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    acl = planned.one("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl")
    table = planned.one("aws:ec2/defaultRouteTable:DefaultRouteTable")
    assert group.inputs["ingress"] == group.inputs["egress"] == []
    assert acl.inputs["ingress"] == acl.inputs["egress"] == []
    assert table.inputs["routes"] == []


def test_every_subnet_has_the_filter_that_knows_private_ranges_only() -> None:
    planned = platform(peered=True)
    acl = planned.one("aws:ec2/networkAcl:NetworkAcl")
    subnets = {subnet.urn for subnet in planned.of("aws:ec2/subnet:Subnet")}
    assert set(acl.property_dependencies["subnetIds"]) == subnets
    rules = [*acl.inputs["ingress"], *acl.inputs["egress"]]
    assert {rule["cidrBlock"] for rule in rules} == {"10.42.0.0/16", "10.90.0.0/16"}
    numbers = [rule["ruleNo"] for rule in acl.inputs["ingress"]]
    assert len(set(numbers)) == len(numbers)


def test_public_access_is_blocked_in_both_directions_and_stays_blocked(planned: Plan) -> None:
    block = planned.one("aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions")
    assert block.inputs["internetGatewayBlockMode"] == "block-bidirectional"
    assert block.retain_on_delete


def test_names_are_resolved_by_amazon_only(planned: Plan) -> None:
    assert planned.one("aws:ec2/vpcDhcpOptions:VpcDhcpOptions").inputs["domainNameServers"] == ["AmazonProvidedDNS"]
    vpc = planned.one("aws:ec2/vpc:Vpc").inputs
    assert (vpc["enableDnsSupport"], vpc["enableDnsHostnames"]) == (True, True)


def test_a_peer_is_routed_by_its_exact_range_in_every_zone() -> None:
    planned = platform(peered=True)
    connection = planned.one("aws:ec2/vpcPeeringConnection:VpcPeeringConnection")
    routes = planned.of("aws:ec2/route:Route")
    assert [route.inputs["destinationCidrBlock"] for route in routes] == ["10.90.0.0/16"] * 3
    assert {route.property_dependencies["vpcPeeringConnectionId"] for route in routes} == {(connection.urn,)}
    assert len({route.property_dependencies["routeTableId"] for route in routes}) == 3
    assert connection.inputs["autoAccept"] is False
    assert connection.inputs["peerRegion"] == "eu-west-1"
