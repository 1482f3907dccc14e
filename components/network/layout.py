"""Which addresses each zone gets: arithmetic on the VPC's ranges, nothing else."""

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
"""Room for 59 interfaces per zone: endpoints (about 20 with every use), control plane, load balancer (eight)."""
RUNNER_PREFIX: Final = 28
"""AWS's smallest subnet: 11 machines that deploy."""
ZONE_LETTERS: Final = "abcdef"
PLACES: Final = 8
"""A range is cut into eight equal blocks: `a` to `f`, one that stays free for growth, one for small subnets."""
RESERVED_PER_SUBNET: Final = 5
"""Source: VPC User Guide, "Subnet sizing"."""
PODS_PER_NODE: Final = ((30, 110), (1024, 250))
"""vCPUs (below) -> how many pods EKS recommends at most. Source: EKS User Guide, "Choose an optimal instance type"."""


@dataclass(frozen=True, kw_only=True)
class ZoneLayout:
    """The subnets of one zone.

    Attributes:
        node_cidr: nodes, and their pods until `pod_cidr` takes them.
        endpoint_cidr: interfaces of endpoints, control plane and load balancer.
        runner_cidr: machines that deploy from inside.
        pod_cidr: further pods, None without a second range.
    """

    node_cidr: str
    endpoint_cidr: str
    runner_cidr: str
    pod_cidr: str | None = None

    @property
    def inner_cidrs(self) -> tuple[str, ...]:
        """Where machines and pods of ours have their addresses."""
        return (self.node_cidr, *((self.pod_cidr,) if self.pod_cidr else ()))

    @property
    def addresses(self) -> int:
        """How many nodes and pods together can have an address."""
        return sum(IPv4Network(cidr).num_addresses - RESERVED_PER_SUBNET for cidr in self.inner_cidrs)


def layout(cidr: str, zones: Sequence[str], pod_cidr: str | None = None) -> Mapping[str, ZoneLayout]:
    """Zone -> its subnets; a zone's place follows from its letter, so that adding a zone moves no other.

    Raises:
        SettingsError: when a range is too large for AWS, too small to be cut, or a zone has no place.
    """
    if problems := layout_problems(cidr, zones, pod_cidr):
        raise SettingsError("network layout", problems)
    blocks = list(IPv4Network(cidr).subnets(prefixlen_diff=3))
    endpoints = list(blocks[-1].subnets(new_prefix=ENDPOINT_PREFIX))
    runners = [
        runner for block in endpoints[len(ZONE_LETTERS) : PLACES] for runner in block.subnets(new_prefix=RUNNER_PREFIX)
    ]
    pods = list(IPv4Network(pod_cidr).subnets(prefixlen_diff=3)) if pod_cidr else []
    places = {zone: ZONE_LETTERS.index(zone[-1]) for zone in zones}
    return {
        zone: ZoneLayout(
            node_cidr=str(blocks[place]),
            endpoint_cidr=str(endpoints[place]),
            runner_cidr=str(runners[place]),
            pod_cidr=str(pods[place]) if pods else None,
        )
        for zone, place in places.items()
    }


def layout_problems(cidr: str, zones: Sequence[str], pod_cidr: str | None = None) -> list[str]:
    """Why `layout` would refuse, each as a line for people."""
    problems = []
    for name, text in (("cidr", cidr), ("pod_cidr", pod_cidr)):
        if text is not None and not LARGEST_PREFIX <= IPv4Network(text).prefixlen <= SMALLEST_PREFIX:
            problems.append(
                f"settings.network.{name}: {text!r} cannot be split; "
                f"take a range of /{LARGEST_PREFIX} to /{SMALLEST_PREFIX}"
            )
    for zone in zones:
        if zone[-1:] not in ZONE_LETTERS:
            problems.append(f"settings.zones: {zone!r} has no place; zones end in one of {', '.join(ZONE_LETTERS)}")
    return problems


def addresses_needed(pools: Sequence[tuple[int, int]]) -> int:
    """How many addresses nodes and pods take at most.

    Args:
        pools: for each pool how many nodes it may have, and the vCPUs of one.
    """
    return sum(nodes * (1 + pods_per_node(vcpus)) for nodes, vcpus in pools)


def pods_per_node(vcpus: int) -> int:
    """How many pods a machine may run, at most."""
    return next(pods for below, pods in PODS_PER_NODE if vcpus < below)


def addresses_offered(zones: Sequence[ZoneLayout]) -> int:
    """How many addresses remain for nodes and pods while the largest zone is lost."""
    offered = sorted(zone.addresses for zone in zones)
    return sum(offered[:-1])
