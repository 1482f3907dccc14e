"""Address arithmetic: whether a range lies inside what the estate owns."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, ip_address, ip_network
from typing import Any

from .facts import PRIVATE_SUFFIXES
from .owner import Estate
from .s3_ranges import S3_PREFIX_LISTS, S3_RANGES

# A name without dots resolves by search list only; digits alone (134744072, 0x08080808) are an address in disguise.
_PLAIN_NAME = re.compile(r"(?!0x[0-9a-f]+$)(?=.*[a-z_-])[a-z0-9_-]+")


def inside(cidr: Any, ranges: Iterable[IPv4Network]) -> bool:
    """Whether a range lies wholly inside one of the ranges; host bits, IPv6 and anything malformed do not."""
    if not isinstance(cidr, str):
        return False
    try:
        network = ip_network(cidr, strict=True)
    except ValueError:
        return False
    return isinstance(network, IPv4Network) and any(network.subnet_of(owned) for owned in ranges)


def is_storage(cidr: Any, estate: Estate) -> bool:
    """Whether a range lies in S3's published ranges of an allowed region, or in the estate's own list of them."""
    return inside(cidr, _storage(estate.regions)) or inside(cidr, estate.storage_ranges)


@lru_cache(maxsize=8)
def _storage(regions: frozenset[str]) -> tuple[IPv4Network, ...]:
    return tuple(collapse_addresses(IPv4Network(cidr) for region in regions for cidr in S3_RANGES.get(region, ())))


def is_storage_list(prefix_list: Any, region: str | None, estate: Estate) -> bool:
    """Whether a prefix list is AWS's own one of S3 in an allowed region, or one that the estate lists."""
    known = S3_PREFIX_LISTS.get(region or "") if region in estate.regions else None
    return prefix_list in estate.prefix_lists or (known is not None and prefix_list == known)


def only_tcp(entry: Mapping[str, Any], lowest: int, highest: int) -> bool:
    """Whether a rule of a group or an ACL lets through TCP only, and no port outside the given ones."""
    protocol = str(entry.get("protocol") or entry.get("ipProtocol")).lower().removesuffix(".0")
    first, last = entry.get("fromPort"), entry.get("toPort")
    if protocol not in ("tcp", "6") or first is None or last is None:
        return False
    return lowest <= float(first) <= float(last) <= highest


def is_private_address(value: Any) -> bool:
    """Whether a text is a private or loopback IPv4 address."""
    if not isinstance(value, str):
        return False
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return isinstance(address, IPv4Address) and address.is_private and not address.is_unspecified


def is_private_host(value: Any, estate: Estate) -> bool:
    """Whether a host name or address leads nowhere but to the VPC, a peer, the cluster or the host itself."""
    if not isinstance(value, str) or not value:
        return False
    host = value.rstrip(".").lower()
    if is_private_address(host) or host == "localhost":
        return True
    if host.endswith(PRIVATE_SUFFIXES) or _PLAIN_NAME.fullmatch(host):
        return True
    return is_regional_aws_name(host, estate)


def is_regional_aws_name(host: str, estate: Estate) -> bool:
    """Whether a host name is an AWS service's in an allowed region, and none under which anybody publishes."""
    labels = host.rstrip(".").lower().split(".")
    suffixes = (".amazonaws.com", ".amazonaws.eu", ".api.aws", ".on.aws", ".api.amazonwebservices.eu")
    if any(label in _PUBLISHED or label.startswith("s3-website") for label in labels):
        return False
    return host.rstrip(".").lower().endswith(suffixes) and any(label in estate.regions for label in labels)


# Services that give every customer's machines, functions and sites a public name below the region's.
_PUBLISHED = frozenset({"compute", "execute-api", "lambda-url", "elasticbeanstalk", "awsapprunner"})


def url_host(value: str) -> str:
    """The host of a URL or of `host:port`, without user, port or path."""
    rest = value.partition("://")[2] or value
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    return authority.partition("]")[0].lstrip("[") if authority.startswith("[") else authority.partition(":")[0]
