"""VPN gateways, the customer's devices, connections between them and their static routes, in moto's EC2."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties
from .ec2 import deletes, tag

_GATEWAY: Final = "aws:ec2/vpnGateway:VpnGateway"
_DEVICE: Final = "aws:ec2/customerGateway:CustomerGateway"
_CONNECTION: Final = "aws:ec2/vpnConnection:VpnConnection"
_ROUTE: Final = "aws:ec2/vpnConnectionRoute:VpnConnectionRoute"


def _create_gateway(account: Account, inputs: Properties) -> str:
    parameters = {**shapes.parameters(_GATEWAY, {**inputs, "tags": None}), "Type": "ipsec.1"}
    identifier: str = account.client("ec2").create_vpn_gateway(**parameters)["VpnGateway"]["VpnGatewayId"]
    _update_gateway(account, identifier, inputs, {})
    return identifier


def _update_gateway(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """Another VPC means leaving the first: a gateway is attached to one."""
    ec2, before, after = account.client("ec2"), old.get("vpcId"), new.get("vpcId")
    if before and before != after:
        ec2.detach_vpn_gateway(VpnGatewayId=identifier, VpcId=before)
    if after and before != after:
        ec2.attach_vpn_gateway(VpnGatewayId=identifier, VpcId=after)
    tag(account, identifier, new, old)


def _read_gateway(account: Account, identifier: str) -> dict[str, Any]:
    gateway = _present(account, "describe_vpn_gateways", "VpnGatewayIds", "VpnGateways", identifier)
    attached = [one["VpcId"] for one in gateway.get("VpcAttachments", []) if one["State"] == "attached"]
    return {"vpcId": attached[0] if attached else None}


def _delete_gateway(account: Account, identifier: str, outputs: Properties) -> None:
    ec2, vpc = account.client("ec2"), _read_gateway(account, identifier)["vpcId"]
    if vpc:
        ec2.detach_vpn_gateway(VpnGatewayId=identifier, VpcId=vpc)
    ec2.delete_vpn_gateway(VpnGatewayId=identifier)


def _create_device(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters(_DEVICE, {**inputs, "tags": None})
    identifier: str = account.client("ec2").create_customer_gateway(**parameters)["CustomerGateway"][
        "CustomerGatewayId"
    ]
    tag(account, identifier, inputs, {})
    return identifier


def _read_device(account: Account, identifier: str) -> dict[str, Any]:
    _present(account, "describe_customer_gateways", "CustomerGatewayIds", "CustomerGateways", identifier)
    return {}


def _create_connection(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters(_CONNECTION, {**inputs, "tags": None})
    options = shapes.convert("ec2.CreateVpnConnection", "Options", _options(inputs))
    made = account.client("ec2").create_vpn_connection(**parameters, Options=options)["VpnConnection"]
    identifier: str = made["VpnConnectionId"]
    tag(account, identifier, inputs, {})
    return identifier


def _options(inputs: Properties) -> dict[str, Any]:
    """`tunnel1IkeVersions: [ikev2]` as the service has it: `TunnelOptions[0].IKEVersions[0].Value`."""
    tunnels = []
    for prefix in ("tunnel1", "tunnel2"):
        given = {name.removeprefix(prefix): value for name, value in inputs.items() if name.startswith(prefix)}
        tunnels.append(
            {
                name: [{"Value": item} for item in value] if isinstance(value, list) else value
                for name, value in given.items()
            }
        )
    return {**inputs, "TunnelOptions": tunnels}


def _read_connection(account: Account, identifier: str) -> dict[str, Any]:
    found = _present(account, "describe_vpn_connections", "VpnConnectionIds", "VpnConnections", identifier)
    configuration = found["CustomerGatewayConfiguration"]
    outputs: dict[str, Any] = {
        "customerGatewayConfiguration": configuration,
        "presharedKeyArn": found.get("PreSharedKeyArn"),
        "routes": [
            {"destinationCidrBlock": route["DestinationCidrBlock"], "source": route["Source"], "state": route["State"]}
            for route in found.get("Routes", [])
        ],
        "vgwTelemetries": [
            {"outsideIpAddress": entry["OutsideIpAddress"], "status": entry["Status"]}
            for entry in found.get("VgwTelemetry", [])
        ],
    }
    for number, tunnel in enumerate(ElementTree.fromstring(configuration).findall("ipsec_tunnel"), start=1):
        names = {
            "Address": "vpn_gateway/tunnel_outside_address/ip_address",
            "VgwInsideAddress": "vpn_gateway/tunnel_inside_address/ip_address",
            "CgwInsideAddress": "customer_gateway/tunnel_inside_address/ip_address",
            "PresharedKey": "ike/pre_shared_key",
        }
        values = {name: tunnel.findtext(path) for name, path in names.items()}
        outputs |= {f"tunnel{number}{name}": value for name, value in values.items() if value}
        options = found["Options"]["TunnelOptions"][number - 1]
        outputs[f"tunnel{number}InsideCidr"] = options["TunnelInsideCidr"]
    return outputs


def _update_connection(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """The tunnels' settings stay in the stand-in: nothing negotiates by them."""
    tag(account, identifier, new, old)


def _create_route(account: Account, inputs: Properties) -> str:
    account.client("ec2").create_vpn_connection_route(**shapes.parameters(_ROUTE, inputs))
    return f"{inputs['destinationCidrBlock']}:{inputs['vpnConnectionId']}"


def _read_route(account: Account, identifier: str) -> dict[str, Any]:
    destination, connection = identifier.split(":")
    routes = _read_connection(account, connection)["routes"]
    if all(route["destinationCidrBlock"] != destination for route in routes):
        raise Missing(f"static route to {destination} in {connection}")
    return {}


def _delete_route(account: Account, identifier: str, outputs: Properties) -> None:
    destination, connection = identifier.split(":")
    account.client("ec2").delete_vpn_connection_route(DestinationCidrBlock=destination, VpnConnectionId=connection)


def _present(account: Account, operation: str, parameter: str, answer: str, identifier: str) -> dict[str, Any]:
    """What EC2 describes, unless it is gone: moto goes on showing what was deleted."""
    describe: Callable[..., Any] = getattr(account.client("ec2"), operation)
    found = [item for item in describe(**{parameter: [identifier]})[answer] if item["State"] != "deleted"]
    if not found:
        raise Missing(identifier)
    item: dict[str, Any] = found[0]
    return item


BACKED: Final[Mapping[str, Backing]] = {
    _GATEWAY: Backing(create=_create_gateway, read=_read_gateway, update=_update_gateway, delete=_delete_gateway),
    _DEVICE: Backing(
        create=_create_device,
        read=_read_device,
        update=tag,
        delete=deletes("delete_customer_gateway", "CustomerGatewayId"),
    ),
    _CONNECTION: Backing(
        create=_create_connection,
        read=_read_connection,
        update=_update_connection,
        delete=deletes("delete_vpn_connection", "VpnConnectionId"),
    ),
    _ROUTE: Backing(create=_create_route, read=_read_route, delete=_delete_route),
}
