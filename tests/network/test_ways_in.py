import json

import pytest

from components.settings.layer import PlatformSettings
from tests.plan import Plan
from tests.platform_stack import NETWORKS, platform, settings

ZONES = 3


@pytest.fixture(scope="module")
def everything() -> Plan:
    return platform("everything")


def test_a_peer_is_routed_by_its_exact_range_in_every_zone() -> None:
    planned = platform("peered")
    connection = planned.one("aws:ec2/vpcPeeringConnection:VpcPeeringConnection")
    routes = planned.of("aws:ec2/route:Route")
    assert [route.inputs["destinationCidrBlock"] for route in routes] == ["10.90.0.0/16"] * ZONES
    assert {route.property_dependencies["vpcPeeringConnectionId"] for route in routes} == {(connection.urn,)}
    assert len({route.property_dependencies["routeTableId"] for route in routes}) == ZONES
    assert "peerRegion" not in connection.inputs


def test_a_peer_of_our_own_account_accepts_at_once_and_another_when_its_owner_says_so(everything: Plan) -> None:
    connections = {c.name: c.inputs for c in everything.of("aws:ec2/vpcPeeringConnection:VpcPeeringConnection")}
    assert connections["peering-tools-connection"]["autoAccept"] is True
    assert connections["peering-apps-connection"]["autoAccept"] is False


def test_a_peer_that_asked_is_accepted_and_routed(everything: Plan) -> None:
    accepter = everything.one("aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter")
    assert accepter.inputs["vpcPeeringConnectionId"] == "pcx-0c92c92c92c92c92c"
    assert accepter.inputs["autoAccept"] is True
    routes = [r for r in everything.of("aws:ec2/route:Route") if r.inputs["destinationCidrBlock"] == "10.92.0.0/16"]
    assert len(routes) == ZONES
    assert {route.property_dependencies["vpcPeeringConnectionId"] for route in routes} == {(accepter.urn,)}
    assert "peering-asked-us-connection" not in {resource.name for resource in everything.resources}


def test_the_gateways_name_is_known_to_those_who_may_reach_it(everything: Plan) -> None:
    zone = everything.one("aws:route53/zone:Zone", "front-zone")
    assert zone.inputs["name"] == "inference.example.internal", "a wider zone would hide other names of a peer"
    assert zone.ignore_changes == ("vpcs",)
    record = everything.one("aws:route53/record:Record", "front-name")
    balancer = everything.one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.urn in record.property_dependencies["aliases"]
    own = [r.name for r in everything.of("aws:route53/zoneAssociation:ZoneAssociation")]
    foreign = [r.name for r in everything.of("aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization")]
    assert own == ["front-zone-tools"]
    assert sorted(foreign) == ["endpoints-sts-zone-apps", "front-zone-apps", "front-zone-asked-us"]


def test_a_shared_service_keeps_its_name_for_us_and_for_the_peer(everything: Plan) -> None:
    zone = everything.one("aws:route53/zone:Zone", "endpoints-sts-zone")
    assert zone.inputs["name"] == "sts.eu-central-1.amazonaws.com"
    endpoint = everything.one("aws:ec2/vpcEndpoint:VpcEndpoint", "endpoints-sts")
    assert endpoint.inputs["privateDnsEnabled"] is False, "AWS refuses two private zones of one name in a VPC"
    record = everything.one("aws:route53/record:Record", "endpoints-sts-name")
    assert endpoint.urn in record.property_dependencies["aliases"]
    others = [e for e in everything.of("aws:ec2/vpcEndpoint:VpcEndpoint") if e.inputs["vpcEndpointType"] == "Interface"]
    assert [e.name for e in others if not e.inputs["privateDnsEnabled"]] == ["endpoints-sts"]


def test_a_peer_reaches_the_services_that_are_shared_with_it_and_no_other(everything: Plan) -> None:
    groups = {group.urn: group for group in everything.of("aws:ec2/securityGroup:SecurityGroup")}
    theirs = everything.one("aws:ec2/securityGroup:SecurityGroup", "endpoints-group-apps")
    assert [rule["cidrBlocks"] for rule in theirs.inputs["ingress"]] == [["10.90.0.0/16"]]
    for endpoint in everything.of("aws:ec2/vpcEndpoint:VpcEndpoint"):
        named = set(endpoint.property_dependencies.get("securityGroupIds", ())) & set(groups)
        assert (theirs.urn in named) == (endpoint.name == "endpoints-sts")


def test_the_endpoint_service_waits_for_acceptance_of_named_principals_in_one_region(everything: Plan) -> None:
    service = everything.one("aws:ec2/vpcEndpointService:VpcEndpointService")
    assert service.inputs["acceptanceRequired"] is True
    assert service.inputs["allowedPrincipals"] == ["arn:aws:iam::444455556666:role/llm-consumer"]
    assert service.inputs["supportedRegions"] == ["eu-central-1"]
    balancer = everything.one("aws:lb/loadBalancer:LoadBalancer")
    assert service.property_dependencies["networkLoadBalancerArns"] == (balancer.urn,)
    assert balancer.inputs["enforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] == "off"
    lonely = platform("peered").one("aws:lb/loadBalancer:LoadBalancer")
    assert "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic" not in lonely.inputs


def test_a_vpn_has_fixed_routes_to_declared_ranges_only(everything: Plan) -> None:
    connection = everything.one("aws:ec2/vpnConnection:VpnConnection")
    gateway = everything.one("aws:ec2/vpnGateway:VpnGateway")
    assert connection.inputs["staticRoutesOnly"] is True
    static = everything.of("aws:ec2/vpnConnectionRoute:VpnConnectionRoute")
    assert [route.inputs["destinationCidrBlock"] for route in static] == ["10.200.0.0/16", "10.202.0.0/16"]
    routes = [r for r in everything.of("aws:ec2/route:Route") if "gatewayId" in r.property_dependencies]
    assert {route.property_dependencies["gatewayId"] for route in routes} == {(gateway.urn,)}
    assert len(routes) == 2 * ZONES
    assert not [r for r in everything.resources if "Propagation" in r.type or "propagatingVgws" in r.inputs]


def test_a_vpn_negotiates_nothing_weak_and_its_keys_never_enter_the_state(everything: Plan) -> None:
    inputs = everything.one("aws:ec2/vpnConnection:VpnConnection").inputs
    assert inputs["presharedKeyStorage"] == "SecretsManager"
    for number in (1, 2):
        assert inputs[f"tunnel{number}IkeVersions"] == ["ikev2"]
        for phase in (1, 2):
            assert inputs[f"tunnel{number}Phase{phase}EncryptionAlgorithms"] == ["AES256-GCM-16"]
            assert min(inputs[f"tunnel{number}Phase{phase}DhGroupNumbers"]) >= 20
        assert f"tunnel{number}PresharedKey" not in inputs
    assert inputs["localIpv4NetworkCidr"] == "10.200.0.0/14", "the smallest range that holds both of theirs"


def test_every_way_in_tells_its_other_side_what_to_do(everything: Plan) -> None:
    told = everything.result["ways_in"]
    assert set(told) == {"peering apps", "peering tools", "peering asked-us", "private link", "vpn head-office"}
    apps = told["peering apps"]
    assert "accept-vpc-peering-connection" in apps
    assert apps.count("create-route") == ZONES
    assert apps.count("associate-vpc-with-hosted-zone") == 2
    assert "VPCId=vpc-0a90a90a90a90a90a  # sts.eu-central-1.amazonaws.com" in apps
    assert "https://inference.example.internal/v1" in apps
    assert "accept-vpc-peering-connection" not in told["peering tools"] + told["peering asked-us"]
    assert "create-vpc-endpoint" in told["private link"]
    assert "10.200.0.0/16, 10.202.0.0/16 only" in told["vpn head-office"]
    for text in told.values():
        assert "10.42.0.0/16" not in text, "others need a route to the fronts, not to the whole VPC"


def test_nobody_outside_reaches_the_api_of_the_cluster_unless_named(everything: Plan) -> None:
    [rule] = everything.one("aws:ec2/securityGroup:SecurityGroup", "control-plane-group").inputs["ingress"]
    assert "10.91.0.0/16" in rule["cidrBlocks"]
    assert not {"10.90.0.0/16", "10.92.0.0/16", "10.200.0.0/16"} & set(rule["cidrBlocks"])


def test_every_network_of_these_tests_is_one_that_the_settings_accept() -> None:
    for network in NETWORKS.values():
        assert isinstance(settings(network=json.loads(json.dumps(network))), PlatformSettings)
