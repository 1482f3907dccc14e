"""What must stand beside a load balancer and a VPN."""

from collections.abc import Iterator

from ..findings import Resource, at, known, names
from ..rules import Rule, rule
from ..stack import Stack

_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_VPN = "aws:ec2/vpnConnection:VpnConnection"
_DEVICE = "aws:ec2/customerGateway:CustomerGateway"


@rule(
    _BALANCER,
    fix="Set accessLogs.enabled to true with a bucket of this stack.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html",
)
def estate_balancers_write_access_logs(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every load balancer logs who called, into a bucket of the same stack."""
    for balancer in stack.of(_BALANCER):
        logs = known(balancer.props, "accessLogs")
        if logs is None or at(logs, "enabled") is not True or not names(logs, "bucket"):
            yield balancer, "accessLogs is not switched on"


@rule(
    _VPN,
    fix="Set presharedKeyStorage to SecretsManager, or give the device a certificate of an own private CA.",
    source="https://docs.aws.amazon.com/vpn/latest/s2svpn/enhanced-security.html",
)
def estate_vpn_keys_stay_out_of_the_state(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A VPN's pre-shared keys are in Secrets Manager, or its device has a certificate: the state holds neither."""
    for connection in stack.of(_VPN):
        devices = stack.sources(connection, "customerGatewayId", _DEVICE)
        certified = bool(devices) and all(names(device.props, "certificateArn") for device in devices)
        if connection.get("presharedKeyStorage") != "SecretsManager" and not certified:
            yield connection, "presharedKeyStorage is not SecretsManager, and its device has no certificate"


RULES: tuple[Rule, ...] = (estate_balancers_write_access_logs, estate_vpn_keys_stay_out_of_the_state)
