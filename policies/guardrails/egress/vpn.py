"""Site-to-Site VPN: to declared devices and ranges, static, and by strong ciphers; only where the estate has any."""

from collections.abc import Iterator, Mapping
from typing import Final

from ..addresses import inside
from ..findings import Resource, each, names
from ..reader import PRIVATE_RANGES
from ..rules import Rule, rule

_GUIDE = "https://docs.aws.amazon.com/vpn/latest/s2svpn/"
_CONNECTION = "aws:ec2/vpnConnection:VpnConnection"

# What both ends of a tunnel may agree on. AWS's defaults, which apply to what is left out, reach down to SHA-1 and
# 1024-bit groups. Source: AWS Site-to-Site VPN User Guide, "Tunnel options"; groups of 3072 bits or more, or of curves.
_STRONG: Final[Mapping[str, frozenset[str]]] = {
    "IkeVersions": frozenset({"ikev2"}),
    "Phase1EncryptionAlgorithms": frozenset({"AES256-GCM-16", "AES256"}),
    "Phase2EncryptionAlgorithms": frozenset({"AES256-GCM-16", "AES256"}),
    "Phase1IntegrityAlgorithms": frozenset({"SHA2-256", "SHA2-384", "SHA2-512"}),
    "Phase2IntegrityAlgorithms": frozenset({"SHA2-256", "SHA2-384", "SHA2-512"}),
    "Phase1DhGroupNumbers": frozenset({"15", "16", "17", "18", "19", "20", "21"}),
    "Phase2DhGroupNumbers": frozenset({"15", "16", "17", "18", "19", "20", "21"}),
}
_ELSEWHERE: Final = (
    "transitGatewayId",
    "transportTransitGatewayAttachmentId",
    "vpnConcentratorId",
    "localIpv6NetworkCidr",
    "remoteIpv6NetworkCidr",
    "tunnel1InsideIpv6Cidr",
    "tunnel2InsideIpv6Cidr",
)


@rule(
    "aws:ec2/customerGateway:CustomerGateway",
    fix="Declare the device in estate.yaml under on_premises.",
    source=f"{_GUIDE}your-cgw.html",
    severity="critical",
)
def egress_vpn_device_is_declared(gateway: Resource) -> Iterator[str]:
    """A VPN ends at a device of the estate, by its exact address."""
    devices = {str(site.device_address) for site in gateway.estate.on_premises}
    if gateway.get("ipAddress") not in devices:
        yield f"ipAddress {gateway.get('ipAddress')!r} is no device_address of the estate"


@rule(
    _CONNECTION,
    fix="Set staticRoutesOnly, vpnGatewayId and both sides' private ranges; no acceleration, transit gateway, IPv6.",
    source=f"{_GUIDE}vpn-static-dynamic.html",
    severity="critical",
)
def egress_vpn_routes_are_static(connection: Resource) -> Iterator[str]:
    """A VPN learns no route: it ends at a VPN gateway of this VPC and knows declared ranges only."""
    if connection.get("staticRoutesOnly") is not True:
        yield "staticRoutesOnly is not true, so BGP decides where traffic goes"
    if not names(connection.props, "vpnGatewayId"):
        yield "vpnGatewayId is not given"
    for key in _ELSEWHERE:
        if names(connection.props, key):
            yield f"{key} is set"
    if connection.get("enableAcceleration"):
        yield "enableAcceleration is true, so traffic enters AWS at edge locations anywhere"
    if connection.get("tunnelInsideIpVersion") not in (None, "", "ipv4"):
        yield f"tunnelInsideIpVersion is {connection.get('tunnelInsideIpVersion')!r}"
    # One selector stands for all ranges of a site; the routes inside it are the declared ones.
    for key, ranges in (
        ("localIpv4NetworkCidr", PRIVATE_RANGES),
        ("remoteIpv4NetworkCidr", connection.estate.vpc_cidrs),
    ):
        if not inside(connection.get(key), ranges):
            yield f"{key} {connection.get(key)!r} is not private and own; AWS's default selects every address"


@rule(
    "aws:ec2/vpnConnectionRoute:VpnConnectionRoute",
    fix="Route to a range that estate.yaml lists under on_premises.",
    source=f"{_GUIDE}vpn-static-dynamic.html",
    severity="critical",
)
def egress_vpn_route_is_declared(route: Resource) -> Iterator[str]:
    """A VPN's static route leads to a declared on-premises range."""
    cidr = route.get("destinationCidrBlock")
    if not inside(cidr, route.estate.on_premises_cidrs):
        yield f"destinationCidrBlock {cidr!r} is not inside an on-premises range of the estate"


@rule(
    _CONNECTION,
    fix="List IKEv2, AES256-GCM-16, SHA2 and groups 15 to 21 for both tunnels: what is left out may be weak.",
    source=f"{_GUIDE}VPNTunnels.html",
)
def egress_vpn_ciphers_are_strong(connection: Resource) -> Iterator[str]:
    """Both tunnels of a VPN agree on IKEv2 and strong ciphers only."""
    for tunnel in ("tunnel1", "tunnel2"):
        for suffix, accepted in _STRONG.items():
            key = f"{tunnel}{suffix}"
            values = [
                f"{value:g}" if isinstance(value, float) else str(value) for _, value in each(connection.props, key)
            ]
            if not values:
                yield f"{key} is not given"
            for value in values:
                if value not in accepted:
                    yield f"{key} holds {value!r}"


RULES: tuple[Rule, ...] = (
    egress_vpn_device_is_declared,
    egress_vpn_routes_are_static,
    egress_vpn_route_is_declared,
    egress_vpn_ciphers_are_strong,
)
