"""What a platform's network is and who reaches whom in it, read from what the stack plans; nothing is deployed."""

from dataclasses import dataclass
from typing import get_args

from components.catalog import instances
from components.catalog.vpc_endpoints import endpoint_services
from components.network.layout import ZoneLayout, addresses_needed, addresses_offered, layout
from components.network.reachability.analysis import reach
from components.network.reachability.matrix import Row, matrix
from components.network.reachability.model import Network, Place, Transport
from components.network.reachability.places import UnknownPlaceError, places_of
from components.network.reachability.reader import read_network
from components.network.reachability.references import UnreadablePlanError
from components.network.reachability.single_address import splits
from components.network.reachability.verdict import Verdict
from components.settings.layer import PlatformSettings, ServingSettings
from components.settings.load import load_stack
from operations.errors import CommandError
from operations.planned import plan_stack


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One endpoint and why it is there."""

    service: str
    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything about one platform's network.

    Attributes:
        zones: zone -> its subnets.
        needed: addresses that all node pools take at their largest, pods included.
        offered: addresses for nodes and pods that remain while the largest zone is lost.
        rows: everybody against everybody.
        pods_filtered: whether a serving stack was read; without one no NetworkPolicy is known and pods count as open.
        splits: rules that treat two addresses of one subnet differently: there a verdict holds for one address only.
    """

    stack: str
    region: str
    zones: dict[str, ZoneLayout]
    needed: int
    offered: int
    endpoints: tuple[Endpoint, ...]
    rows: tuple[Row, ...]
    pods_filtered: bool
    splits: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Can `source` reach `destination`, each a place, a role or an address; with `name`, by that host name."""

    source: str
    destination: str
    port: int
    protocol: str = "tcp"
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The verdict on one pair of places."""

    source: str
    destination: str
    verdict: Verdict


def planned_network(stack: str, serving: str | None = None) -> tuple[PlatformSettings, Network]:
    """Settings and network of a platform stack, with the pods of a serving stack on it.

    Raises:
        CommandError: a stack is of another layer, of another platform, or plans what cannot be judged.
        SettingsError: a stack file holds problems, or names an image or model that is not pinned.
    """
    settings = load_stack(stack)
    if not isinstance(settings, PlatformSettings):
        raise CommandError(f"stack {stack!r} is of layer {settings.layer}; name a platform stack")
    if serving is not None:
        pods = load_stack(serving)
        if not isinstance(pods, ServingSettings):
            raise CommandError(f"stack {serving!r} is of layer {pods.layer}; name a serving stack")
        if pods.platform != stack:
            raise CommandError(
                f"stack {serving!r} runs on {pods.platform}, not on {stack}; name a stack that runs on it"
            )
    platform = plan_stack(stack)
    try:
        network = read_network(
            platform.resources,
            storage_cidrs=platform.result["storage_cidrs"],
            serving=plan_stack(serving).resources if serving else (),
        )
    except UnreadablePlanError as error:
        raise CommandError(f"stack {stack!r}: {error}") from None
    return settings, network


def explain(stack: str, settings: PlatformSettings, network: Network) -> Explanation:
    """Address plan, endpoints with their reasons, and the matrix."""
    own = settings.network
    zones = dict(layout(own.cidr, settings.zones, own.pod_cidr))
    pools = [(pool.max_nodes, instances.find(pool.instance_type).vcpus) for pool in settings.node_pools.values()]
    return Explanation(
        stack=stack,
        region=settings.region,
        zones=zones,
        needed=addresses_needed(pools),
        offered=addresses_offered(list(zones.values())),
        endpoints=tuple(
            Endpoint(service=service.suffix, kind=service.kind, reason=service.reason)
            for service in endpoint_services(own.enabled_uses)
        ),
        rows=matrix(network),
        pods_filtered=network.pods_filtered,
        splits=splits(network),
    )


def answer(network: Network, question: Question) -> Answer:
    """One verdict. A role that is in several zones is asked about in all of them, and answered if they agree.

    Raises:
        CommandError: a place is not known, a port or protocol is none, or it depends on the zone.
    """
    if question.protocol not in get_args(Transport)[:2]:
        raise CommandError(f"--protocol {question.protocol!r} is not known; use tcp or udp")
    protocol: Transport = "udp" if question.protocol == "udp" else "tcp"
    try:
        sources, destinations = places_of(network, question.source), places_of(network, question.destination)
    except UnknownPlaceError as error:
        raise CommandError(str(error)) from None
    found = [
        Answer(
            source=_called(source),
            destination=_called(destination),
            verdict=reach(network, source, destination, question.port, protocol, question.name),
        )
        for source in sources
        for destination in destinations
        if source != destination
    ]
    if not found:
        raise CommandError(f"{question.source!r} and {question.destination!r} are the same single place")
    if len({each.verdict.allowed for each in found}) > 1:
        some = next(each for each in found if each.verdict.allowed)
        other = next(each for each in found if not each.verdict.allowed)
        raise CommandError(
            f"it depends on the place: {some.source} reaches {some.destination}, "
            f"{other.source} does not reach {other.destination}; name places instead of roles"
        )
    return found[0]


def _called(place: Place) -> str:
    return place.name if place.kind != "internet" else str(place.address)
