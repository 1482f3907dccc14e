"""The planned network, built for real in namespaces of the kernel, and held against the analysis pair by pair."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import cache
from typing import Final

import pytest

from components.catalog.s3_ranges import s3_ranges
from components.network.reachability.analysis import reach
from components.network.reachability.model import Network, Place
from components.network.reachability.reader import read_network
from operations.planned import Planned, plan_stack
from sandbox.network.compare import Comparison, compare
from sandbox.network.pairs import Pair, callers, named_ports, pairs_between
from sandbox.network.tools import ensure
from tests.network.spoiled_plans import Spoil, together
from tests.network.spoils import INTERNET_LOCKS, SPOILS, ZONE
from tests.platform_stack import platform

pytestmark = pytest.mark.servers

REGION: Final = "eu-central-1"
OTHER_ZONE: Final = "eu-central-1b"
UDP_PORTS: Final = (53, 443)
"""Of names asked past the resolver, and of QUIC."""
SPOIL_PORTS: Final = (22, 443, 8000, 8443)
SPOIL_ENDPOINTS: Final = ("endpoints-sts", "endpoints-ecr-api")
"""One that a peer shares, and one of the others, which are all alike."""
NAMES: Final = (
    "sts.eu-central-1.amazonaws.com",
    "inference.example.internal",
    "kubernetes.default.svc.cluster.local",
    "sts.us-east-1.amazonaws.com",
    "example.com",
)


@cache
def resources() -> Sequence[Planned]:
    """Three zones, peers, a VPN, PrivateLink, pods of their own range: everything that a platform can have."""
    return (*platform("everything").resources, *plan_stack("serving-rehearsal").resources)


def network_of(planned: Sequence[Planned]) -> Network:
    return read_network(
        [each for each in planned if not each.type.startswith("kubernetes:")],
        storage_cidrs=s3_ranges(REGION),
        serving=[each for each in planned if each.type.startswith("kubernetes:")],
    )


@cache
def sound() -> Network:
    return network_of(resources())


@cache
def everybody() -> Comparison:
    network = sound()
    sources, destinations = callers(network), list(network.places.values())
    pairs = [
        *pairs_between(sources, destinations, named_ports(network)),
        *pairs_between(sources, destinations, UDP_PORTS, "udp"),
    ]
    return compare(network, pairs, NAMES, ensure())


def some_pairs(network: Network) -> list[Pair]:
    """Callers of one zone and outside, to two zones and outside; pods in the nodes' subnets stand for all pods."""
    elsewhere = {name for name, subnet in network.subnets.items() if subnet.kind == "pods"}
    places = [
        place
        for place in network.places.values()
        if (place.kind != "endpoint" or place.role in SPOIL_ENDPOINTS) and place.subnet not in elsewhere
    ]
    sources = [place for place in callers(network) if place in places and place.zone in ("", ZONE)]
    destinations = [place for place in places if place.zone in ("", ZONE, OTHER_ZONE)]
    return pairs_between(sources, destinations, SPOIL_PORTS)


def assert_agreed(found: Comparison) -> None:
    shown = "\n\n".join(str(each) for each in found.disagreements[:3])
    assert not found.disagreements, f"{len(found.disagreements)} disagreements, the first of them:\n{shown}"


def by_role(network: Network, pairs: Iterable[Pair], texts: Iterable[str]) -> set[str]:
    wanted = set(texts)
    return {f"{each.source.role} -> {each.destination.role} {each.port}" for each in pairs if str(each) in wanted}


def assert_matched(found: set[str], patterns: Sequence[str]) -> None:
    assert {text for text in found if not any(fnmatch(text, pattern) for pattern in patterns)} == set()
    assert [pattern for pattern in patterns if not any(fnmatch(text, pattern) for text in found)] == []


def test_kernel_and_analysis_agree_on_every_pair(capsys: pytest.CaptureFixture[str]) -> None:
    found = everybody()
    with capsys.disabled():
        print(f"\n  three zones, three peers, one VPN: {found}")
    assert_agreed(found)
    assert found.pairs > 50_000


@pytest.mark.parametrize(
    ("source", "destination", "port", "connects"),
    [
        ("node-eu-central-1a", "endpoints-ecr-api-eu-central-1b", 443, True),
        ("node-eu-central-1a", "s3", 443, True),
        ("node-eu-central-1a", "internet", 443, False),
        ("peer-apps", "front-eu-central-1a", 443, True),
        ("on-premises-head-office", "front-eu-central-1c", 443, True),
        ("private-link", "front-eu-central-1b", 443, True),
        ("peer-apps", "node-eu-central-1a", 10250, False),
        ("peer-apps", "gateway-eu-central-1a", 8443, False),
        ("peer-apps", "peer-tools", 443, False),
        ("gateway-eu-central-1a", "engine-eu-central-1b", 8000, True),
        ("engine-eu-central-1a", "gateway-eu-central-1a", 8443, False),
        ("engine-eu-central-1a", "endpoints-sts-eu-central-1a", 443, False),
        ("engine-eu-central-1a", "s3", 443, True),
        ("stray-eu-central-1a", "engine-eu-central-1a", 8000, False),
        ("runner-eu-central-1a", "control-plane-eu-central-1b", 443, True),
    ],
)
def test_the_kernel_does_what_was_promised(source: str, destination: str, port: int, connects: bool) -> None:
    assert (f"{source} -> {destination} tcp {port}" in everybody().reached) == connects


def test_nobody_asks_names_of_the_internet() -> None:
    assert not [pair for pair in everybody().reached if pair.endswith("-> internet udp 53")]
    assert "node-eu-central-1a -> pod-eu-central-1b udp 53" in everybody().reached


def test_kernel_and_analysis_agree_on_every_name_of_the_firewall(capsys: pytest.CaptureFixture[str]) -> None:
    network = sound()
    allowed = [
        domain.rstrip(".").replace("*", "any")
        for rule in network.name_rules
        if rule.action == "ALLOW"
        for domain in rule.domains
    ]
    strangers = [*(f"{name}.example.com" for name in allowed), *(f"not{name}" for name in allowed)]
    askers = [network.places[f"{role}-{ZONE}"] for role in ("node", "engine", "runner")]
    pairs = pairs_between(askers, askers, (443,))
    found = compare(network, pairs, [*allowed, *strangers], ensure())
    with capsys.disabled():
        print(f"\n  names: {found}")
    assert_agreed(found)
    assert {text.split()[1] for text in found.resolved} >= set(allowed)
    assert {text.split()[1] for text in found.resolved if text.endswith("example.com")} == set()


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.name)
def test_kernel_and_analysis_agree_on_a_spoiled_plan(spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    network = network_of(spoil.change(resources()))
    pairs = some_pairs(network)
    found = compare(network, pairs, ["example.com"] if spoil.names else (), ensure())
    with capsys.disabled():
        print(f"\n  {spoil.name}: {found}")
    assert_agreed(found)
    before = everybody().reached & {str(pair) for pair in pairs}
    assert_matched(by_role(network, pairs, before - found.reached), spoil.lost)
    assert_matched(by_role(network, pairs, found.reached - before), spoil.gained)
    assert bool(found.resolved) == spoil.names


@pytest.mark.parametrize("shut", INTERNET_LOCKS)
def test_each_lock_alone_keeps_the_internet_out(shut: str) -> None:
    opened = [change for lock, change in INTERNET_LOCKS.items() if lock != shut]
    network = network_of(together(*opened)(resources()))
    sources: list[Place] = [place for place in callers(network) if place.zone == ZONE and place.kind in ("node", "pod")]
    found = compare(network, pairs_between(sources, [network.places["internet"]], (443,)), (), ensure())
    assert_agreed(found)
    assert found.reached == frozenset()
    assert len(reach(network, f"node-{ZONE}", "internet", 443).by) == 1
