"""Networks that the tests of the analysis ask about: real plans, and plans with one thing spoiled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Network
from typing import Any

from components.catalog.s3_ranges import s3_ranges
from components.layers import LAYERS
from components.network.reachability.model import Network, Place
from components.network.reachability.reader import read_network
from operations.planned import plan_stack
from tests.plan import Planned, plan
from tests.platform_stack import ANSWERS, NETWORKS, platform, settings

ANYWHERE = IPv4Network("0.0.0.0/0")
A, B = "eu-central-1a", "eu-central-1b"
STORAGE = s3_ranges("eu-central-1")
CALLERS = ("peer-apps", "peer-tools", "peer-asked-us", "on-premises-head-office", "private-link")
"""Everybody outside who may come in."""
ZONES = tuple(f"eu-central-1{letter}" for letter in "abcdef")


def serving() -> Sequence[Planned]:
    """Pods of the rehearsal: its platform has the zones and ranges of every network here."""
    return plan_stack("serving-rehearsal").resources


@cache
def everything() -> Network:
    """A platform with every way in and every use, and the rehearsal's pods on it."""
    return read_network(platform("everything").resources, storage_cidrs=STORAGE, serving=serving())


@cache
def bare() -> Network:
    """The least platform, without pods of a serving stack."""
    return read_network(platform("bare").resources, storage_cidrs=STORAGE)


@cache
def peered(zones: int) -> Network:
    """A platform with a front and one peer, in as many zones."""
    chosen = settings(network=NETWORKS["peered"], zones=ZONES[:zones])
    same = zones == len(settings().zones)
    planned = platform("peered") if same else plan(lambda: LAYERS["platform"](chosen), answers=ANSWERS)
    return read_network(planned.resources, storage_cidrs=STORAGE)


def of(network: Network, *roles: str) -> list[Place]:
    """Every place of some roles or kinds."""
    return [place for place in network.places.values() if place.role in roles or place.kind in roles]


def spoiled(
    name: str,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None,
    *,
    kind: str = "",
    pods: Callable[[Sequence[Planned]], Sequence[Planned]] = lambda planned: planned,
) -> Network:
    """The network `everything` with the inputs of one resource changed, or with one resource left out.

    Args:
        name: of the resource.
        change: old inputs -> new ones; None leaves the resource out.
        kind: end of its type, where several resources have the name.
        pods: what becomes of the serving plan.
    """
    planned = platform("everything").resources
    hits = [each for each in planned if each.name == name and each.type.endswith(kind) and each.custom]
    assert len(hits) == 1, f"{len(hits)} resources {name}"
    kept = [
        replace(each, inputs=change(each.inputs)) if each is hits[0] and change else each
        for each in planned
        if change or each is not hits[0]
    ]
    return read_network(kept, storage_cidrs=STORAGE, serving=pods(serving()))


def without(field: str, hit: Callable[[Mapping[str, Any]], bool]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A change that takes lines out of a list; one that takes none is a mistake of the test."""

    def change(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        left = [line for line in inputs[field] if not hit(line)]
        assert len(left) < len(inputs[field])
        return {**inputs, field: left}

    return change


def also(field: str, line: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A change that puts a line into a list."""
    return lambda inputs: {**inputs, field: [*inputs.get(field, []), line]}


def sets(**changes: Any) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A change that sets inputs."""
    return lambda inputs: {**inputs, **changes}
