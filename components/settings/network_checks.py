"""What must hold between address ranges, ways in and zones of a platform; each check yields lines for people."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations
from typing import Final

from components.catalog import instances
from components.catalog.regions import partition
from components.catalog.s3_ranges import s3_ranges
from components.catalog.vpc_endpoints import endpoint_services, shared_name
from components.network.layout import addresses_needed, addresses_offered, layout, layout_problems
from components.settings.errors import unknown_value
from components.settings.layer import PlatformSettings
from components.settings.network import PRIVATE, SHARED, Peering

RULES_PER_ACL: Final = 40
"""In each direction, once the quota of 20 is raised. Source: VPC User Guide, "Amazon VPC quotas"."""


def network_problems(settings: PlatformSettings) -> Iterator[str]:
    """Every problem of the section `network:` that needs more than one field to be seen."""
    yield from _ranges(settings)
    yield from _ways_in(settings)
    yield from _addresses(settings)


def _ranges(settings: PlatformSettings) -> Iterator[str]:
    """Every range that is routed is somebody's own, and AWS can join the VPC's two."""
    network = settings.network
    ranges = {"settings.network.cidr": network.cidr}
    if network.pod_cidr is not None:
        ranges["settings.network.pod_cidr"] = network.pod_cidr
    ranges |= {f"settings.network.peerings.{name}.cidr": peer.cidr for name, peer in network.peerings.items()}
    ranges |= {
        f"settings.network.vpns.{name}.cidrs[{place}]": cidr
        for name, vpn in network.vpns.items()
        for place, cidr in enumerate(vpn.cidrs)
    }
    for (one, first), (other, second) in combinations(ranges.items(), 2):
        if IPv4Network(first).overlaps(IPv4Network(second)):
            yield f"{other}: {second!r} overlaps {first!r} of {one}; routed networks need ranges of their own"
    if network.pod_cidr is not None and not _can_be_joined(network.cidr, network.pod_cidr):
        yield (
            f"settings.network.pod_cidr: {network.pod_cidr!r} cannot be joined to a VPC of {network.cidr}; "
            f"AWS accepts one inside {SHARED} or of the same private block"
        )
    yield from layout_problems(network.cidr, settings.zones, network.pod_cidr)
    if (count := len(network.vpc_cidrs) + len(network.routed_cidrs)) > RULES_PER_ACL:
        yield (
            f"settings.network: '{count}' ranges of the VPC and its callers; a network ACL has {RULES_PER_ACL} rules "
            "at most, so join ranges or let some callers come by PrivateLink"
        )
    if not (network.storage_cidrs or s3_ranges(settings.region)):
        yield (
            f"settings.network.storage_cidrs: missing; the catalogue knows no addresses of S3 in {settings.region}: "
            "`aws ec2 get-managed-prefix-list-entries` lists them"
        )


def _can_be_joined(cidr: str, other: str) -> bool:
    """Source: VPC User Guide, "IPv4 CIDR block association restrictions"."""

    def block(text: str) -> IPv4Network | None:
        return next((private for private in PRIVATE if IPv4Network(text).subnet_of(private)), None)

    return IPv4Network(other).subnet_of(SHARED) or block(cidr) == block(other)


def _ways_in(settings: PlatformSettings) -> Iterator[str]:
    """Every way in leads to something that is there, and belongs to whom it says."""
    network, path = settings.network, "settings.network"
    ways = [f"peerings.{name}" for name, peer in network.peerings.items() if "gateway" in peer.reaches]
    ways += [f"vpns.{name}" for name, vpn in network.vpns.items() if "gateway" in vpn.reaches]
    ways += ["private_link"] if network.private_link else []
    if network.front is None and ways:
        yield f"{path}.front: missing; {', '.join(ways)} reach the gateway through it"
    if network.front is not None:
        for name in ("certificate_arn", "certificate_authority_arn"):
            if (arn := getattr(network.front, name)) is not None:
                yield from _own_arn(f"{path}.front.{name}", arn, settings)
    for name, vpn in network.vpns.items():
        if vpn.certificate_arn is not None:
            yield from _own_arn(f"{path}.vpns.{name}.certificate_arn", vpn.certificate_arn, settings)
    seen: dict[str, str] = {}
    for name, peer in network.peerings.items():
        yield from _peering(f"{path}.peerings.{name}", peer, settings)
        if (other := seen.setdefault(peer.vpc_id, name)) != name:
            yield f"{path}.peerings.{name}.vpc_id: {peer.vpc_id!r} is {other}'s too; two VPCs have one connection"
    if network.state_bucket is not None and "runner" not in network.uses:
        yield f"{path}.state_bucket: {network.state_bucket!r} is written by a runner only; add runner to {path}.uses"
    if len(set(network.uses)) < len(network.uses):
        yield f"{path}.uses: one is named twice in {', '.join(network.uses)!r}; name each once"


def _peering(path: str, peer: Peering, settings: PlatformSettings) -> Iterator[str]:
    shared = [
        found.suffix
        for found in endpoint_services(settings.network.enabled_uses)
        if shared_name(found, settings.region)
    ]
    for suffix in peer.services:
        if suffix not in shared:
            yield f"{path}.services: {unknown_value(suffix, 'service that can be shared', shared)}"


def _own_arn(path: str, arn: str, settings: PlatformSettings) -> Iterator[str]:
    _, found, _, region, account, _ = arn.split(":", 5)
    expected = (partition(settings.region).name, settings.region, settings.account_id)
    if (found, region, account) != expected:
        yield f"{path}: {arn!r} is not of partition {expected[0]}, region {expected[1]} and account {expected[2]}"


def _addresses(settings: PlatformSettings) -> Iterator[str]:
    """Nodes and pods find addresses even while one zone is lost."""
    network = settings.network
    known = [pool for pool in settings.node_pools.values() if pool.instance_type in instances.all_types()]
    if layout_problems(network.cidr, settings.zones, network.pod_cidr):
        return
    needed = addresses_needed([(pool.max_nodes, instances.find(pool.instance_type).vcpus) for pool in known])
    offered = addresses_offered(list(layout(network.cidr, settings.zones, network.pod_cidr).values()))
    if needed > offered:
        wider = "give network.pod_cidr, such as 100.64.0.0/16" if network.pod_cidr is None else "take a wider range"
        yield (
            f"settings.node_pools: '{sum(pool.max_nodes for pool in known)}' nodes need up to {needed} addresses with "
            f"their pods, {len(settings.zones) - 1} zones of {' and '.join(network.vpc_cidrs)} have {offered}; "
            f"{wider}, or fewer nodes"
        )
