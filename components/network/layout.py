"""Which addresses each zone gets: arithmetic on the VPC's range, nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from components.settings.errors import SettingsError

LARGEST_PREFIX: Final = 16
"""AWS accepts no larger VPC range. Source: VPC User Guide, "VPC CIDR blocks"."""
SMALLEST_PREFIX: Final = 20
"""Below this a zone has fewer than 500 addresses for nodes and pods."""
ENDPOINT_PREFIX: Final = 26
"""Room for 59 interfaces per zone: one per endpoint service, the control plane's, internal load balancers'."""
ZONE_LETTERS: Final = "abcdef"
RESERVED_PER_SUBNET: Final = 5
"""Source: VPC User Guide, "Subnet sizing"."""


@dataclass(frozen=True, kw_only=True)
class ZoneLayout:
    """The two subnets of one zone: nodes with their pods, and the interfaces of endpoints and control plane."""

    node_cidr: str
    endpoint_cidr: str

    @property
    def node_addresses(self) -> int:
        """How many nodes and pods can have an address."""
        return IPv4Network(self.node_cidr).num_addresses - RESERVED_PER_SUBNET


def layout(cidr: str, zones: Sequence[str]) -> Mapping[str, ZoneLayout]:
    """Zone -> its subnets; a zone's place follows from its letter, so that adding a zone moves no other.

    The range is cut into eight equal blocks: `a` to `f` for the zones, one spare, and the last for endpoints.

    Raises:
        SettingsError: when the range is too large for AWS, too small to be cut, or a zone has no place.
    """
    network = IPv4Network(cidr)
    problems = []
    if not LARGEST_PREFIX <= network.prefixlen <= SMALLEST_PREFIX:
        problems.append(
            f"settings.network.cidr: {cidr!r} cannot be split; take a range of /{LARGEST_PREFIX} to /{SMALLEST_PREFIX}"
        )
    for zone in zones:
        if zone[-1:] not in ZONE_LETTERS:
            problems.append(f"settings.zones: {zone!r} has no place; zones end in one of {', '.join(ZONE_LETTERS)}")
    if problems:
        raise SettingsError("network layout", problems)
    blocks = list(network.subnets(prefixlen_diff=3))
    endpoints = list(blocks[-1].subnets(new_prefix=ENDPOINT_PREFIX))
    return {
        zone: ZoneLayout(
            node_cidr=str(blocks[ZONE_LETTERS.index(zone[-1])]),
            endpoint_cidr=str(endpoints[ZONE_LETTERS.index(zone[-1])]),
        )
        for zone in zones
    }
