"""VPN connections: the device's certificate, their options, static routes and the customer's side of the configuration.

Moto keeps none of them and answers with one fixed text. The tunnels' outside addresses are documentation addresses
(RFC 5737): nothing answers there.
"""

from __future__ import annotations

from typing import Any, Final
from xml.sax.saxutils import escape

_STORED: Final = "SecretsManager"


def apply() -> None:
    """Correct moto's connections and add its two missing operations."""
    from moto.core.responses import EmptyResult
    from moto.ec2.exceptions import EC2ClientError, InvalidVpnConnectionIdError
    from moto.ec2.models.vpn_connections import VPNConnection
    from moto.ec2.responses.customer_gateways import CustomerGateways
    from moto.ec2.responses.vpn_connections import VPNConnections

    make = VPNConnections.create_vpn_connection

    def create_vpn_connection(self: Any) -> Any:
        gateway = self._get_param("VpnGatewayId")
        if gateway and (self.ec2_backend.get_vpn_gateway(gateway).state == "deleted"):
            raise EC2ClientError("InvalidVpnGatewayID.NotFound", f"The vpnGateway ID '{gateway}' does not exist")
        result: Any = make(self)
        stored = self._get_param("PreSharedKeyStorage") == _STORED
        _furnish(result.result["VpnConnection"], self._get_param("Options") or {}, stored=stored)
        return result

    def create_vpn_connection_route(self: Any) -> Any:
        connection, destination = _named(self), self._get_param("DestinationCidrBlock")
        if not connection.options["StaticRoutesOnly"]:
            why = f"The vpnConnection '{connection.id}' does not use static routes"
            raise EC2ClientError("InvalidParameterCombination", why)
        if all(route["DestinationCidrBlock"] != destination for route in connection.routes):
            route = {"DestinationCidrBlock": destination, "Source": "Static", "State": "available"}
            connection.routes.append(route)
        return EmptyResult()

    def delete_vpn_connection_route(self: Any) -> Any:
        connection, destination = _named(self), self._get_param("DestinationCidrBlock")
        kept = [route for route in connection.routes if route["DestinationCidrBlock"] != destination]
        if len(kept) == len(connection.routes):
            raise EC2ClientError("InvalidRoute.NotFound", f"No route to {destination} in '{connection.id}'")
        connection.routes = kept
        return EmptyResult()

    def _named(self: Any) -> Any:
        identifier = self._get_param("VpnConnectionId")
        found = self.ec2_backend.vpn_connections.get(identifier)
        if found is None or found.state == "deleted":
            raise InvalidVpnConnectionIdError(identifier)
        return found

    make_device = CustomerGateways.create_customer_gateway

    def create_customer_gateway(self: Any) -> Any:
        result: Any = make_device(self)
        device = result.result["CustomerGateway"]
        device.certificate_arn = self._get_param("CertificateArn")
        device.device_name = self._get_param("DeviceName")
        return result

    setattr(CustomerGateways, make_device.__name__, create_customer_gateway)
    for operation in (create_vpn_connection, create_vpn_connection_route, delete_vpn_connection_route):
        setattr(VPNConnections, operation.__name__, operation)
    setattr(VPNConnection, "customer_gateway_configuration", property(_configuration))  # noqa: B010 - mypy refuses it


def _furnish(connection: Any, options: dict[str, Any], *, stored: bool) -> None:
    """Give a new connection two tunnels, its options and no routes."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.moto_api._internal import mock_random

    given = [*(options.get("TunnelOptions") or []), {}, {}][:2]
    customer = connection.ec2_backend.get_customer_gateway(connection.customer_gateway_id)
    certified = customer.certificate_arn
    tunnels = []
    for number, tunnel in enumerate(given):
        if tunnel.get("PreSharedKey") and stored:
            raise EC2ClientError("InvalidParameterCombination", "A key in Secrets Manager is made there, not given")
        drawn = f"169.254.{mock_random.randint(64, 200)}.{4 * mock_random.randint(0, 63)}/30"
        key = mock_random.get_random_string(length=32)
        tunnels.append(
            {
                "OutsideIpAddress": f"203.0.113.{mock_random.randint(1, 126) + 127 * number}",
                "TunnelInsideCidr": tunnel.get("TunnelInsideCidr") or drawn,
                "PreSharedKey": None if stored or certified else tunnel.get("PreSharedKey") or key,
                **{name: tunnel[name] for name in ("IkeVersions", "StartupAction") if name in tunnel},
            }
        )
    connection.options = {
        "StaticRoutesOnly": str(options.get("StaticRoutesOnly", False)).lower() == "true",
        "EnableAcceleration": str(options.get("EnableAcceleration", False)).lower() == "true",
        "LocalIpv4NetworkCidr": options.get("LocalIpv4NetworkCidr") or "0.0.0.0/0",
        "RemoteIpv4NetworkCidr": options.get("RemoteIpv4NetworkCidr") or "0.0.0.0/0",
        "TunnelInsideIpVersion": options.get("TunnelInsideIpVersion") or "ipv4",
        "TunnelOptions": tunnels,
    }
    connection.routes = []
    connection.vgw_telemetry = [
        {"OutsideIpAddress": tunnel["OutsideIpAddress"], "Status": "DOWN", "AcceptedRouteCount": 0}
        for tunnel in tunnels
    ]
    backend = connection.ec2_backend
    secret = f"{backend.region_name}:{backend.account_id}:secret:s2svpn!{connection.id}-{connection.id[-6:]}"
    connection.pre_shared_key_arn = f"arn:{backend.partition}:secretsmanager:{secret}" if stored else None


def _configuration(connection: Any) -> str:
    """What the device's people download: addresses, and the key only where it is kept nowhere else."""
    gateway = connection.vpn_gateway_id or ""
    parts = []
    for tunnel in connection.options["TunnelOptions"]:
        base, _, last = tunnel["TunnelInsideCidr"].removesuffix("/30").rpartition(".")
        ours, theirs = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        key = tunnel["PreSharedKey"]
        ike = f"<ike><pre_shared_key>{escape(key)}</pre_shared_key></ike>" if key else "<ike></ike>"
        outside = tunnel["OutsideIpAddress"]
        parts.append(
            "<ipsec_tunnel>"
            f"<customer_gateway><tunnel_inside_address><ip_address>{theirs}</ip_address></tunnel_inside_address>"
            "</customer_gateway>"
            f"<vpn_gateway><tunnel_outside_address><ip_address>{outside}</ip_address></tunnel_outside_address>"
            f"<tunnel_inside_address><ip_address>{ours}</ip_address></tunnel_inside_address></vpn_gateway>"
            f"{ike}</ipsec_tunnel>"
        )
    head = f"<customer_gateway_id>{connection.customer_gateway_id}</customer_gateway_id>"
    head += f"<vpn_gateway_id>{gateway}</vpn_gateway_id><vpn_connection_type>{connection.type}</vpn_connection_type>"
    return f'<vpn_connection id="{connection.id}">{head}{"".join(parts)}</vpn_connection>'
