"""VPN gateways, devices, connections and static routes, in the AWS stand-in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.providers.serve import ProviderError
from tests.sandbox.aws_lab import Lab, Refused, Thing, lab

pytestmark = pytest.mark.servers

GATEWAY = "aws:ec2/vpnGateway:VpnGateway"
DEVICE = "aws:ec2/customerGateway:CustomerGateway"
CONNECTION = "aws:ec2/vpnConnection:VpnConnection"
STATIC = "aws:ec2/vpnConnectionRoute:VpnConnectionRoute"
OFFICE = {"type": "ipsec.1", "bgpAsn": "65000", "ipAddress": "198.51.100.7"}
TUNNELS = {
    f"tunnel{number}{name}": value
    for number in (1, 2)
    for name, value in {
        "IkeVersions": ["ikev2"],
        "Phase1EncryptionAlgorithms": ["AES256-GCM-16"],
        "Phase2EncryptionAlgorithms": ["AES256-GCM-16"],
        "Phase1DhGroupNumbers": [20],
        "StartupAction": "add",
    }.items()
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("aws"), "eu-central-1") as made:
        yield made


def connection(account: Lab, name: str, further: dict[str, Any], device: dict[str, Any]) -> tuple[Thing, Thing, Thing]:
    """A VPC's gateway, a device and the connection between them."""
    vpc, _ = account.vpc(name, zones="")
    gateway = account.create(GATEWAY, name, {"vpcId": vpc.id})
    there = account.create(DEVICE, name, device)
    ends = {"type": "ipsec.1", "vpnGatewayId": gateway.id, "customerGatewayId": there.id, "staticRoutesOnly": True}
    return gateway, there, account.create(CONNECTION, name, {**ends, **TUNNELS, **further})


def test_the_life_of_a_vpn(account: Lab) -> None:
    gateway, device, made = connection(account, "life", {"presharedKeyStorage": "SecretsManager"}, OFFICE)
    ec2 = account.client("ec2")
    described = ec2.describe_vpn_connections(VpnConnectionIds=[made.id])["VpnConnections"][0]
    assert described["Options"]["StaticRoutesOnly"] is True
    assert (described["VpnGatewayId"], described["CustomerGatewayId"]) == (gateway.id, device.id)
    outside = {made.outputs["tunnel1Address"], made.outputs["tunnel2Address"]}
    assert len(outside) == 2
    documentation = ipaddress.IPv4Network("203.0.113.0/24")
    assert all(ipaddress.IPv4Address(address) in documentation for address in outside)
    for number in (1, 2):
        inside = ipaddress.IPv4Network(made.outputs[f"tunnel{number}InsideCidr"])
        for end in ("Vgw", "Cgw"):
            assert ipaddress.IPv4Address(made.outputs[f"tunnel{number}{end}InsideAddress"]) in inside

    static = account.create(STATIC, "life", {"vpnConnectionId": made.id, "destinationCidrBlock": "10.200.0.0/16"})
    described = ec2.describe_vpn_connections(VpnConnectionIds=[made.id])["VpnConnections"][0]
    assert [route["DestinationCidrBlock"] for route in described["Routes"]] == ["10.200.0.0/16"]
    vpc = gateway.inputs["vpcId"]
    table = account.create("aws:ec2/routeTable:RouteTable", "life", {"vpcId": vpc})
    way = {"routeTableId": table.id, "destinationCidrBlock": "10.200.0.0/16", "gatewayId": gateway.id}
    route = account.create("aws:ec2/route:Route", "life", way)
    routes = ec2.describe_route_tables(RouteTableIds=[table.id])["RouteTables"][0]["Routes"]
    assert gateway.id in [entry.get("GatewayId") for entry in routes]

    account.outlives_a_restart(gateway, device, made, static, route)

    account.update(made, {"tunnel1StartupAction": "start"})
    assert account.replaces(made, {"staticRoutesOnly": False}) == ["staticRoutesOnly"]
    assert account.replaces(made, {"presharedKeyStorage": "Standard"}) == ["presharedKeyStorage"]
    assert account.replaces(device, {"ipAddress": "198.51.100.8"}) == ["ipAddress"]
    assert account.replaces(static, {"destinationCidrBlock": "10.201.0.0/16"}) == ["destinationCidrBlock"]
    for thing in (route, static, made, device, gateway):
        account.delete(thing)
        assert account.read(thing) is None


def test_a_gateway_moves_to_another_vpc(account: Lab) -> None:
    first, _ = account.vpc("from", zones="")
    second, _ = account.vpc("to", zones="")
    gateway = account.create(GATEWAY, "moves", {"vpcId": first.id})
    gateway = account.update(gateway, {"vpcId": second.id})
    described = account.client("ec2").describe_vpn_gateways(VpnGatewayIds=[gateway.id])["VpnGateways"][0]
    attached = [one["VpcId"] for one in described["VpcAttachments"] if one["State"] == "attached"]
    assert attached == [second.id]


def keys(outputs: dict[str, Any]) -> list[str]:
    """Everything in the outputs in which a key could stand."""
    text = outputs["customerGatewayConfiguration"]
    own = [outputs[f"tunnel{number}PresharedKey"] for number in (1, 2) if outputs.get(f"tunnel{number}PresharedKey")]
    return [*own, *(["configuration"] if "pre_shared_key" in text else [])]


def test_a_key_in_secrets_manager_is_in_no_output(account: Lab) -> None:
    _, _, stored = connection(account, "stored", {"presharedKeyStorage": "SecretsManager"}, OFFICE)
    assert keys(stored.outputs) == []
    assert stored.outputs["presharedKeyArn"].startswith(
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:s2svpn!"
    )
    _, _, plain = connection(account, "plain", {}, OFFICE)
    assert len(keys(plain.outputs)) == 3, "AWS's default hands both keys to the state"


def test_a_device_with_a_certificate_has_no_key(account: Lab) -> None:
    authority = "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11111111-2222-3333-4444-555555555555"
    names = {"domainName": "office.example.internal", "certificateAuthorityArn": authority}
    certificate = account.create("aws:acm/certificate:Certificate", "office", names)
    device = {"type": "ipsec.1", "bgpAsn": "65000", "certificateArn": certificate.id}
    _, _, made = connection(account, "certified", {}, device)
    assert keys(made.outputs) == []


def test_a_connection_needs_gateways_that_exist_and_routes_need_a_static_one(account: Lab) -> None:
    gateway, device, made = connection(account, "wrong", {"staticRoutesOnly": False}, OFFICE)
    with pytest.raises(ProviderError, match="does not use static routes"):
        account.create(STATIC, "wrong", {"vpnConnectionId": made.id, "destinationCidrBlock": "10.200.0.0/16"})
    account.delete(made)
    account.delete(device)
    ends = {"type": "ipsec.1", "vpnGatewayId": gateway.id, "customerGatewayId": device.id}
    with pytest.raises(ProviderError, match=f"customerGatewayId: '{device.id}' does not exist"):
        account.create(CONNECTION, "gone", ends)
    key = {"presharedKeyStorage": "SecretsManager", "tunnel1PresharedKey": "0123456789"}
    with pytest.raises(Refused, match="tunnel1PresharedKey: Secrets Manager makes the key"):
        account.create(CONNECTION, "own-key", {**ends, **key})
