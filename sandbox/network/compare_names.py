"""Compares which names a place resolves with what the analysis says, by real DNS questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.network.reachability.model import Network, Place
from components.network.reachability.names import resolves
from sandbox.network.disagreement import Disagreement, rules_around
from sandbox.network.from_plan import RESOLVER_PLACE
from sandbox.network.running import RunningWorld
from sandbox.network.world import Question, World

SECOND_PATIENCE_SECONDS = 2.0
_Answer = tuple[str, ...] | str | None


@dataclass(frozen=True, kw_only=True)
class NameComparison:
    """All answers.

    Attributes:
        asked: how many pairs of a place and a name.
        resolved: `place name` for each that was answered.
    """

    asked: int
    resolved: frozenset[str]
    disagreements: Sequence[Disagreement]


def compare_names(
    network: Network, places: Sequence[Place], names: Sequence[str], world: World, found: RunningWorld
) -> NameComparison:
    """Every place asks for every name: straight, and pods through CoreDNS as well. One answer suffices."""
    asked = [(place, name, list(_questions(network, place, name, world))) for place in places for name in names]
    answers = iter(found.resolve([question for _, _, questions in asked for question in questions]))
    resolved, disagreements = set(), []
    for place, name, questions in asked:
        given = [next(answers) for _ in questions]
        verdict = resolves(network, place, name)
        if verdict.allowed and not _answered(given):  # UDP may lose what a busy machine has no room for
            given = found.resolve(questions, SECOND_PATIENCE_SECONDS)
        if _answered(given):
            resolved.add(f"{place.name} {name}")
        if _answered(given) != verdict.allowed:
            disagreements.append(
                Disagreement(
                    what=f"{place.name} resolves {name}",
                    kernel=", ".join(f"{each.server}: {answer}" for each, answer in zip(questions, given, strict=True)),
                    analysis=verdict,
                    rules=rules_around(world, [place.name]),
                )
            )
    return NameComparison(asked=len(asked), resolved=frozenset(resolved), disagreements=disagreements)


def _answered(given: Sequence[_Answer]) -> bool:
    return any(isinstance(answer, tuple) for answer in given)


def _questions(network: Network, place: Place, name: str, world: World) -> Iterator[Question]:
    servers = [network.ranges[0][RESOLVER_PLACE], network.places["resolver"].address]
    if place.pod is not None:
        others = (network.places[host.name] for host in world.hosts if host.asks and host.name != place.name)
        servers += [each.address for each in others if each.zone == place.zone]
    for server in servers:
        for transport in ("udp", "tcp"):
            yield Question(source=place.name, server=str(server), name=name, transport=transport)
