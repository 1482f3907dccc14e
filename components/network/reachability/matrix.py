"""Everybody against everybody: one row for what is called, one column for who calls, every zone behind each cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from components.network.reachability.analysis import reach
from components.network.reachability.model import Network, Place, PlaceKind, Transport
from components.network.reachability.verdict import Verdict

Answer = Literal["yes", "no", "some"]
Port = tuple[Transport, int]
SILENT: Final[frozenset[PlaceKind]] = frozenset({"link-local", "storage"})
"""What never opens a connection."""
ENDPOINTS: Final = "endpoints"
"""All interface endpoints as callers: they differ as callees only."""
PORTS: Final[Mapping[PlaceKind, tuple[Port, ...]]] = {
    "node": (("tcp", 22), ("tcp", 10250)),
    "pod": (("tcp", 8080),),
    "endpoint": (("tcp", 443),),
    "front": (("tcp", 443),),
    "control-plane": (("tcp", 443),),
    "runner": (("tcp", 22),),
    "peer": (("tcp", 443),),
    "on-premises": (("tcp", 443),),
    "consumer": (("tcp", 443),),
    "storage": (("tcp", 443),),
    "internet": (("tcp", 443), ("udp", 53)),
}
POD_PORTS: Final[Mapping[str, tuple[Port, ...]]] = {
    "gateway": (("tcp", 8443),),
    "engine": (("tcp", 8000),),
    "dns": (("udp", 53),),
}
LINK_LOCAL: Final[Mapping[str, tuple[Port, ...]]] = {
    "resolver": (("udp", 53),),
    "instance-metadata": (("tcp", 80),),
    "pod-identity-agent": (("tcp", 80),),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What holds for every pair of two roles.

    Attributes:
        answer: `some` if it depends on the zone.
        locks: how many locks stay shut at the weakest pair that is refused; 0 if none is.
        verdict: of that pair, or of the first.
    """

    answer: Answer
    locks: int
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Row:
    """One port of one role, against all callers; None where a role has no other of its own kind."""

    destination: str
    title: str
    protocol: Transport
    port: int
    cells: Mapping[str, Cell | None]

    def answers(self) -> tuple[str, ...]:
        """What two rows must share to be shown as one."""
        return tuple("" if cell is None else cell.answer for cell in self.cells.values())


def matrix(network: Network) -> tuple[Row, ...]:
    """All places against all ports of interest, zones taken together."""
    callers = _callers(network)
    rows = []
    for role, called in _by_role(network).items():
        for protocol, port in ports_of(called[0]):
            cells = {caller: cell(network, places, called, (protocol, port)) for caller, places in callers.items()}
            rows.append(Row(destination=role, title=called[0].title, protocol=protocol, port=port, cells=cells))
    return tuple(rows)


def ports_of(place: Place) -> tuple[Port, ...]:
    """Which ports of a place are of interest."""
    if place.kind == "link-local":
        return LINK_LOCAL[place.role]
    if place.kind == "pod":
        return POD_PORTS.get(place.role.partition("-")[0], PORTS["pod"])
    return PORTS[place.kind]


def _by_role(network: Network) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in network.places.values():
        found.setdefault(place.role, []).append(place)
    return found


def _callers(network: Network) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in network.places.values():
        if place.kind not in SILENT:
            found.setdefault(ENDPOINTS if place.kind == "endpoint" else place.role, []).append(place)
    return found


def cell(network: Network, callers: Sequence[Place], called: Sequence[Place], port: Port) -> Cell | None:
    """What holds between all of two roles on one port; None if there is no pair of two."""
    verdicts = list(_verdicts(network, callers, called, port))
    if not verdicts:
        return None
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    if not refused:
        return Cell(answer="yes", locks=0, verdict=verdicts[0])
    weakest = min(refused, key=lambda verdict: len(verdict.by))
    return Cell(answer="no" if len(refused) == len(verdicts) else "some", locks=len(weakest.by), verdict=weakest)


def _verdicts(network: Network, callers: Sequence[Place], called: Sequence[Place], port: Port) -> Iterator[Verdict]:
    protocol, number = port
    for source in callers:
        for destination in called:
            if source is not destination:
                yield reach(network, source, destination, number, protocol)
