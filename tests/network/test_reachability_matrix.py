"""The matrix says what single questions say, for all zones at once."""

from collections.abc import Mapping
from functools import cache

from components.network.reachability.analysis import reach
from components.network.reachability.matrix import ENDPOINTS, Cell, Row, cell, matrix
from tests.network.reachability_support import A, B, everything, of, peered, spoiled


@cache
def rows() -> tuple[Row, ...]:
    return matrix(everything())


def cells(found: tuple[Row, ...], destination: str, port: int) -> Mapping[str, Cell | None]:
    [row] = [row for row in found if (row.destination, row.port) == (destination, port)]
    return row.cells


def answers(found: Mapping[str, Cell | None]) -> dict[str, str]:
    return {caller: cell.answer for caller, cell in found.items() if cell is not None}


def test_every_role_is_called_and_everybody_calls_who_can() -> None:
    network = everything()
    assert {row.destination for row in rows()} == {place.role for place in network.places.values()}
    silent = {place.role for place in of(network, "link-local", "storage", "endpoint")}
    assert set(rows()[0].cells) == {place.role for place in network.places.values()} - silent | {ENDPOINTS}


def test_an_engine_is_called_by_gateways_alone() -> None:
    found = answers(cells(rows(), "engine", 8000))
    assert {caller for caller, answer in found.items() if answer == "yes"} == {"gateway"}


def test_one_peer_has_no_other_of_its_kind() -> None:
    assert cells(matrix(peered(2)), "peer-apps", 443)["peer-apps"] is None


def test_what_depends_on_the_zone_is_said_with_its_refusal() -> None:
    network = spoiled(f"peering-apps-route-{A}", None)
    found = cell(network, of(network, "peer-apps"), of(network, "front"), ("tcp", 443))
    assert found is not None
    assert found.answer == "some"
    assert found.verdict.by == (f"back no route to 10.90.0.10 in network-front-routes-{A}",)


def test_locks_are_counted_where_they_are_fewest() -> None:
    found = cells(rows(), "internet", 443)["node"]
    assert found is not None
    assert (found.answer, found.locks) == ("no", len(reach(everything(), f"node-{B}", "1.1.1.1", 443).by))
