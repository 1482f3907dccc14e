"""Always on, woken by requests, or managed: what each costs for a load, and from which load on another is cheaper."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from components.catalog import instances
from components.catalog.break_even import Load, Sleep, Way, always_on, crossings, replicas_for, requests_grid, woken
from components.catalog.prices import managed, on_demand_usd_per_hour, spot
from operations.errors import CommandError

ON, WOKEN, MANAGED, MANAGED_WOKEN = "always on", "woken", "managed", "managed, woken"
COMPARED: Final = ((ON, MANAGED), (ON, MANAGED_WOKEN), (WOKEN, MANAGED), (WOKEN, MANAGED_WOKEN))
"""Woken is never dearer than always on: what it costs beside money is in `Way.waiting_per_day`."""
Cost = Callable[[Load], Way]
MANAGED_REGION: Final = "eu-west-1"
"""The one EU region that Hugging Face documents for compute on AWS."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        instance: machine type of one replica.
        gpus: of it that one replica uses; further replicas share the machine.
        tokens_per_second: answer tokens of one replica under full load, as measured.
        fixed_usd: of the own platform a month, whether or not anybody asks.
        start_from: a sentence on where the length of a start comes from; empty when it was measured.
    """

    instance: str
    gpus: int
    region: str
    load: Load
    tokens_per_second: float
    sleep: Sleep
    fixed_usd: float
    start_from: str = ""


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """From so many requests an hour on, one way is cheaper than another, below it the other."""

    requests_per_hour: float
    cheaper_above: str
    cheaper_below: str


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The answer; `dataclasses.asdict` of it is the JSON form.

    Attributes:
        ways: the cheapest first.
        crossings: by requests an hour.
        notes: what was assumed, and what has no price.
    """

    ways: tuple[Way, ...]
    crossings: tuple[Crossing, ...]
    notes: tuple[str, ...]


def costs_of(question: Question) -> tuple[Mapping[str, Cost], tuple[str, ...]]:
    """The ways that have a price, as functions of the load, and notes.

    Raises:
        CommandError: the machine type is not known, has too few GPUs, is not offered, or has no price.
    """
    try:
        machine = instances.find(question.instance)
    except LookupError as error:
        raise CommandError(f"--instance: {error.args[0]}") from None
    if machine.gpu is None or not 1 <= question.gpus <= machine.gpus:
        raise CommandError(f"--gpus: '{question.gpus}' but {machine.name} has {machine.gpus}")
    if not instances.offered_zones(machine.name, question.region):
        raise CommandError(
            f"--instance: {machine.name!r} is not offered in {question.region}; {_elsewhere(machine.name)}"
        )
    hourly = on_demand_usd_per_hour(machine.name, question.region)
    if hourly is None:
        raise CommandError(f"--instance: no price of {machine.name!r} in {question.region} is known; name another type")
    per_machine = machine.gpus // question.gpus
    speed, sleep, fixed = question.tokens_per_second, question.sleep, question.fixed_usd

    def priced(load: Load) -> float:
        """A replica's share of its machine: machines are paid for whole."""
        count = replicas_for(load, speed)
        return hourly * -(-count // per_machine) / count

    ways: dict[str, Cost] = {
        ON: lambda load: always_on(ON, load, priced(load), speed, fixed),
        WOKEN: lambda load: woken(WOKEN, load, priced(load), speed, sleep, fixed),
    }
    notes = [
        f"{machine.name} in {question.region}: {hourly} USD an hour on demand, {_spot(machine.name, question.region)}"
    ]
    asked = managed(machine.gpu.name, question.gpus)
    if asked is None:
        notes.append(f"Hugging Face offers no endpoint with {question.gpus} x {machine.gpu.name}")
    else:
        ways[MANAGED] = lambda load: always_on(MANAGED, load, asked.usd, speed)
        ways[MANAGED_WOKEN] = lambda load: woken(MANAGED_WOKEN, load, asked.usd, speed, sleep)
        notes.append(
            f"Hugging Face asks {asked.usd:g} USD an hour for {question.gpus} x {machine.gpu.name}, "
            f"in {MANAGED_REGION} ({asked.date})"
        )
    if not fixed:
        notes.append("the own platform's fixed costs are not counted; --stack counts them")
    if question.start_from:
        notes.append(question.start_from)
    return ways, tuple(notes)


def advise(question: Question) -> Advice:
    """Every way for the asked load, and where they cross.

    Raises:
        CommandError: as `costs_of` says.
    """
    ways, notes = costs_of(question)
    grid = requests_grid(highest_of(question))
    found = []
    for first, second in COMPARED:
        if first in ways and second in ways:
            lines = (monthly(ways[first], question.load), monthly(ways[second], question.load))
            for place, above in crossings(*lines, grid):
                cheaper, dearer = (first, second) if above else (second, first)
                found.append(Crossing(requests_per_hour=round(place, 2), cheaper_above=cheaper, cheaper_below=dearer))
    told = sorted((way(question.load) for way in ways.values()), key=lambda way: way.usd_per_month)
    return Advice(ways=tuple(told), crossings=tuple(sorted(found, key=lambda it: it.requests_per_hour)), notes=notes)


def monthly(way: Cost, load: Load) -> Callable[[float], float]:
    """Requests an hour -> USD a month."""
    return lambda rate: way(replace(load, requests_per_hour=rate)).usd_per_month


def highest_of(question: Question) -> float:
    """Requests an hour up to which is looked: what ten full replicas answer, or ten times the load."""
    ten = 10 * question.tokens_per_second * 3600 / question.load.answer_tokens
    return max(ten, 10 * question.load.requests_per_hour)


def _spot(name: str, region: str) -> str:
    found = spot(name, region)
    return "no spot price known" if found is None else f"spot was {found[0].usd} to {found[1].usd} in {found[0].date}"


def _elsewhere(name: str) -> str:
    places = instances.offered_regions(name)
    return f"offered in {', '.join(places)}" if places else "no EU region offers it"
