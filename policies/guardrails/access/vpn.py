"""VPN keys: made and kept by AWS, never written down by a program."""

from collections.abc import Iterator

from ..findings import Resource, names
from ..rules import Rule, rule

_GUIDE = "https://docs.aws.amazon.com/vpn/latest/s2svpn/"


@rule(
    "aws:ec2/vpnConnection:VpnConnection",
    fix="Leave the keys out and set presharedKeyStorage to SecretsManager, or give the device a certificate.",
    source=f"{_GUIDE}enhanced-security.html",
    severity="critical",
)
def access_vpn_keys_are_not_in_the_program(connection: Resource) -> Iterator[str]:
    """No pre-shared key of a VPN is given by a program, whose state would keep it."""
    for key in ("tunnel1PresharedKey", "tunnel2PresharedKey"):
        if names(connection.props, key):
            yield f"{key} is given"
    if connection.get("presharedKeyStorage") not in (None, "", "SecretsManager"):
        yield f"presharedKeyStorage is {connection.get('presharedKeyStorage')!r}"


RULES: tuple[Rule, ...] = (access_vpn_keys_are_not_in_the_program,)
