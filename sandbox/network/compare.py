"""Compares what the kernel does with what the analysis says, pair by pair."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from components.network.reachability.analysis import Flow, direct, reach
from components.network.reachability.model import Network, Place
from components.network.reachability.verdict import Verdict, verdict
from sandbox.network.compare_names import SECOND_PATIENCE_SECONDS, compare_names
from sandbox.network.disagreement import Disagreement, rules_around
from sandbox.network.from_plan import world_of
from sandbox.network.pairs import Pair
from sandbox.network.running import RunningWorld, running
from sandbox.network.tools import Tools
from sandbox.network.world import World

SOURCE_PORTS: Final = (0, 1024, 2047, 32768, 49152, 60999, 65535)
"""Tried in doubt: a list that lets answers go to some ports only serves whoever chooses well."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All answers of one world.

    Attributes:
        reached: pairs that the kernel connects, as text.
        resolved: `place name` for each name that was answered.
        seconds: part of the work -> how long it took.
    """

    pairs: int
    names: int
    reached: frozenset[str]
    resolved: frozenset[str]
    disagreements: Sequence[Disagreement]
    seconds: Mapping[str, float]

    def __str__(self) -> str:
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items())
        return (
            f"{self.pairs} pairs ({len(self.reached)} reached), {self.names} names ({len(self.resolved)} resolved), "
            f"{len(self.disagreements)} disagreements; {times}"
        )


def compare(network: Network, pairs: Sequence[Pair], names: Sequence[str], tools: Tools) -> Comparison:
    """Build the network, knock at every door, ask for every name, and hold the answers against the analysis.

    Args:
        network: what is planned.
        pairs: whom to try; only they are built, with the gateways and name servers that they need.
        names: host names that every machine among the sources asks for.
        tools: `ip` and `nft`.

    Raises:
        WorldError: the network cannot be built here.
    """
    clock = [time.monotonic()]
    wanted = {place.name for pair in pairs for place in (pair.source, pair.destination)}
    tcp, udp = (sorted({pair.port for pair in pairs if pair.transport == kind}) for kind in ("tcp", "udp"))
    world = world_of(network, ports=tcp, udp_ports=udp, wanted=wanted)
    with running(world, tools) as found:
        clock.append(time.monotonic())
        with ThreadPoolExecutor(1) as beside:  # the world has a process of its own: one core each
            knocking = beside.submit(found.knock, [pair.knock() for pair in pairs])
            verdicts = [reach(network, pair.source, pair.destination, pair.port, pair.transport) for pair in pairs]
            heard = knocking.result()
        clock.append(time.monotonic())
        heard = _again(network, pairs, heard, verdicts, found)
        disagreements, reached = [], set()
        for pair, said, answer in zip(pairs, heard, verdicts, strict=True):
            if _arrived(network, pair, said):
                reached.add(str(pair))
            if wrong := _contradicted(network, pair, said, answer):
                disagreements.append(_disagreement(world, pair, said, wrong))
        machines = [place for place in _sources(pairs) if place.kind in ("node", "pod", "runner")]
        asked = compare_names(network, machines, names, world, found)
    clock.append(time.monotonic())
    parts = ("build", "pairs", "names and doubts")
    return Comparison(
        pairs=len(pairs),
        names=asked.asked,
        reached=frozenset(reached),
        resolved=asked.resolved,
        disagreements=(*disagreements, *asked.disagreements),
        seconds={part: end - begin for part, (begin, end) in zip(parts, pairwise(clock), strict=True)},
    )


def _sources(pairs: Sequence[Pair]) -> list[Place]:
    return list({pair.source.name: pair.source for pair in pairs}.values())


def _arrived(network: Network, pair: Pair, said: str) -> bool:
    """Whether the right one answered and saw the right one; behind a load balancer, whether a gateway did."""
    lines = [line.split() for line in said.splitlines()]
    first = bool(lines) and lines[0] == [pair.destination.name, str(pair.source.address)]
    if pair.destination.kind != "front":
        return first and len(lines) == 1
    behind = network.places.get(lines[1][0]) if len(lines) == 2 else None
    handed_over = behind is not None and behind.role.startswith("gateway")
    return first and handed_over and lines[1][1] == str(pair.destination.address)


def _contradicted(network: Network, pair: Pair, said: str, whole_way: Verdict) -> Verdict | None:
    """The verdict that the kernel contradicts; to a load balancer also the one about its own interface alone."""
    if _arrived(network, pair, said) != whole_way.allowed or _strayed(pair, said):
        return whole_way
    if pair.destination.kind == "front":
        first_leg = verdict(
            direct(network, pair.source, pair.destination, Flow(protocol=pair.transport, port=pair.port))
        )
        if said.startswith(f"{pair.destination.name} ") != first_leg.allowed:
            return first_leg
    return None


def _strayed(pair: Pair, said: str) -> bool:
    """Whether somebody answered who was not meant, or saw somebody else."""
    lines = said.splitlines()
    return bool(lines) and lines[0][0] != "-" and lines[0] != f"{pair.destination.name} {pair.source.address}"


def _again(
    network: Network, pairs: Sequence[Pair], heard: Sequence[str], verdicts: Sequence[Verdict], found: RunningWorld
) -> list[str]:
    """What was heard, and for silences where the analysis expects an answer, what is heard from other source ports."""
    better = list(heard)
    doubtful = [
        place
        for place, (pair, said, answer) in enumerate(zip(pairs, heard, verdicts, strict=True))
        if answer.allowed and not _arrived(network, pair, said)
    ]
    knocks = [(place, pairs[place].knock(port)) for place in doubtful for port in SOURCE_PORTS]
    again = found.knock([knock for _, knock in knocks], SECOND_PATIENCE_SECONDS) if knocks else []
    for (place, _), said in zip(knocks, again, strict=True):
        if _arrived(network, pairs[place], said):
            better[place] = said
    return better


def _disagreement(world: World, pair: Pair, said: str, wrong: Verdict) -> Disagreement:
    rules = rules_around(world, [pair.source.name, pair.destination.name])
    return Disagreement(what=str(pair), kernel=" / ".join(said.splitlines()), analysis=wrong, rules=rules)
