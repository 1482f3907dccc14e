from ipaddress import IPv4Network

import pytest

from components.catalog.s3_ranges import s3_ranges
from tests.plan import Plan, Planned
from tests.platform_stack import platform

OPEN_TYPES = ("internetGateway", "natGateway", "egressOnlyInternetGateway", "eip", "carrierGateway", "transitGateway")
OWN = (IPv4Network("10.42.0.0/16"), IPv4Network("100.64.0.0/16"))


@pytest.fixture(scope="module")
def everything() -> Plan:
    return platform("everything")


def acl(planned: Plan, kind: str) -> Planned:
    return planned.one("aws:ec2/networkAcl:NetworkAcl", f"network-{kind}-acl")


def others(planned: Plan, kind: str, direction: str) -> list[tuple[str, str, int, int]]:
    """What an ACL allows beside the VPC's own ranges."""
    return [
        (rule["protocol"], rule["cidrBlock"], rule["fromPort"], rule["toPort"])
        for rule in acl(planned, kind).inputs[direction]
        if IPv4Network(rule["cidrBlock"]) not in OWN
    ]


def test_nothing_that_leads_to_the_internet_is_declared(everything: Plan) -> None:
    assert [r.type for r in everything.resources if any(f"/{kind}:" in r.type for kind in OPEN_TYPES)] == []


def test_every_subnet_is_private_and_in_a_zone_of_the_region(everything: Plan) -> None:
    subnets = everything.of("aws:ec2/subnet:Subnet")
    assert len(subnets) == 12
    for subnet in subnets:
        assert subnet.inputs["mapPublicIpOnLaunch"] is False
        assert subnet.inputs["assignIpv6AddressOnCreation"] is False
        assert subnet.inputs["availabilityZone"].startswith("eu-central-1")
        assert any(IPv4Network(subnet.inputs["cidrBlock"]).subnet_of(own) for own in OWN)


def test_pods_of_the_second_range_are_found_by_the_network_plug_in(everything: Plan) -> None:
    tagged = [
        s.name for s in everything.of("aws:ec2/subnet:Subnet") if "kubernetes.io/role/cni" in s.inputs.get("tags", {})
    ]
    assert tagged == [f"network-pods-eu-central-1{letter}" for letter in "abc"]
    [range_] = everything.of("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation")
    for name in tagged:
        subnet = everything.one("aws:ec2/subnet:Subnet", name)
        assert range_.urn in subnet.property_dependencies["vpcId"], "AWS refuses it before the range is there"


def test_every_subnet_is_bound_to_the_table_of_its_kind_and_zone(everything: Plan) -> None:
    tables = {table.urn: table.name for table in everything.of("aws:ec2/routeTable:RouteTable")}
    bound = {}
    for association in everything.of("aws:ec2/routeTableAssociation:RouteTableAssociation"):
        [table] = set(association.property_dependencies["routeTableId"]) & set(tables)
        bound[association.name] = tables[table]
    expected = {"nodes": "inner", "pods": "inner", "runner": "inner", "endpoints": "front"}
    assert bound == {
        f"network-{kind}-{zone}": f"network-{table}-routes-{zone}"
        for zone in ("eu-central-1a", "eu-central-1b", "eu-central-1c")
        for kind, table in expected.items()
    }


def test_no_route_exists_without_a_way_in() -> None:
    planned = platform("bare")
    assert planned.of("aws:ec2/route:Route") == []
    assert all("routes" not in table.inputs for table in planned.of("aws:ec2/routeTable:RouteTable"))


def test_machines_and_pods_have_no_route_to_any_caller(everything: Plan) -> None:
    inner = {t.urn for t in everything.of("aws:ec2/routeTable:RouteTable") if "-inner-" in t.name}
    assert len(inner) == 3
    for route in everything.of("aws:ec2/route:Route"):
        assert not inner & set(route.property_dependencies["routeTableId"]), route.name


def test_what_aws_creates_open_is_emptied(everything: Plan) -> None:
    group = everything.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    default = everything.one("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl")
    table = everything.one("aws:ec2/defaultRouteTable:DefaultRouteTable")
    assert group.inputs["ingress"] == group.inputs["egress"] == []
    assert default.inputs["ingress"] == default.inputs["egress"] == []
    assert table.inputs["routes"] == []


def test_every_subnet_has_the_filter_of_its_kind(everything: Plan) -> None:
    subnets = {subnet.urn: subnet.name for subnet in everything.of("aws:ec2/subnet:Subnet")}
    inner = {subnets[urn] for urn in acl(everything, "inner").property_dependencies["subnetIds"] if urn in subnets}
    front = {subnets[urn] for urn in acl(everything, "front").property_dependencies["subnetIds"] if urn in subnets}
    assert front == {name for name in subnets.values() if "-endpoints-" in name}
    assert inner == set(subnets.values()) - front


def test_machines_know_storage_by_tls_and_nobody_else_outside(everything: Plan) -> None:
    ranges = s3_ranges("eu-central-1")
    assert others(everything, "inner", "egress") == [("tcp", cidr, 443, 443) for cidr in ranges]
    assert others(everything, "inner", "ingress") == [("tcp", cidr, 1024, 65535) for cidr in ranges]


def test_fronts_know_declared_callers_by_tls_and_nobody_else_outside(everything: Plan) -> None:
    callers = ["10.90.0.0/16", "10.91.0.0/16", "10.92.0.0/16", "10.200.0.0/16", "10.202.0.0/16"]
    assert others(everything, "front", "ingress") == [("tcp", cidr, 443, 443) for cidr in callers]
    assert others(everything, "front", "egress") == [("tcp", cidr, 1024, 65535) for cidr in callers]


@pytest.mark.parametrize("kind", ["inner", "front"])
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_rules_of_a_filter_are_numbered_once_and_fit_the_quota(everything: Plan, kind: str, direction: str) -> None:
    numbers = [rule["ruleNo"] for rule in acl(everything, kind).inputs[direction]]
    assert len(set(numbers)) == len(numbers)
    assert len(numbers) <= 20, "AWS allows 20 for each direction unless the quota is raised"


def test_public_access_is_blocked_in_both_directions_and_stays_blocked(everything: Plan) -> None:
    block = everything.one("aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions")
    assert block.inputs["internetGatewayBlockMode"] == "block-bidirectional"
    assert block.retain_on_delete


def test_names_are_resolved_by_amazon_only(everything: Plan) -> None:
    assert everything.one("aws:ec2/vpcDhcpOptions:VpcDhcpOptions").inputs["domainNameServers"] == ["AmazonProvidedDNS"]
    vpc = everything.one("aws:ec2/vpc:Vpc").inputs
    assert (vpc["enableDnsSupport"], vpc["enableDnsHostnames"]) == (True, True)
