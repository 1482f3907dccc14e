"""Address arithmetic: whether a range lies inside what the estate owns."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any

from .facts import PRIVATE_SUFFIXES
from .owner import Estate


def inside(cidr: Any, ranges: Iterable[IPv4Network]) -> bool:
    """Whether a range lies wholly inside one of the ranges; host bits, IPv6 and anything malformed do not."""
    try:
        network = ip_network(cidr, strict=True)
    except (ValueError, TypeError):
        return False
    return isinstance(network, IPv4Network) and any(network.subnet_of(owned) for owned in ranges)


def is_private_address(value: Any) -> bool:
    """Whether a text is a private or loopback IPv4 address."""
    try:
        address = ip_address(value)
    except (ValueError, TypeError):
        return False
    return isinstance(address, IPv4Address) and address.is_private and not address.is_unspecified


def is_private_host(value: Any, estate: Estate) -> bool:
    """Whether a host name or address leads nowhere but to the VPC, a peer, the cluster or the host itself."""
    if not isinstance(value, str) or not value:
        return False
    host = value.rstrip(".").lower()
    if is_private_address(host) or host == "localhost":
        return True
    if host.endswith(PRIVATE_SUFFIXES) or "." not in host:
        return True
    return is_regional_aws_name(host, estate)


def is_regional_aws_name(host: str, estate: Estate) -> bool:
    """Whether a host name is an AWS service's in an allowed region."""
    labels = host.rstrip(".").lower().split(".")
    suffixes = ("amazonaws.com", "amazonaws.eu", "api.aws", "on.aws")
    return host.rstrip(".").lower().endswith(suffixes) and any(label in estate.regions for label in labels)


def url_host(value: str) -> str:
    """The host of a URL or of `host:port`, without user, port or path."""
    rest = value.partition("://")[2] or value
    authority = rest.split("/", 1)[0].rpartition("@")[2]
    return authority.partition(":")[0]
