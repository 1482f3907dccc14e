"""The catalogue of models: what may be served, on what, for how much."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from components.catalog import instances
from components.catalog.instances import InstanceType
from components.catalog.prices import on_demand_usd_per_hour
from components.catalog.regions import EU_REGIONS
from components.model.engine_version import engine_version
from components.model.lock import ModelLock
from components.model.memory import Demand, assess, checkpoint, default_seqs

CONTEXT: Final = 8192
"""Tokens of the longest request for which the smallest machine is looked for, or what the model can."""


SERVED: Final = "x86_64"
"""The engine images that are locked run on these processors."""


@dataclass(frozen=True, kw_only=True)
class Smallest:
    """The cheapest machine of any EU region that holds a model."""

    instance: str
    gpus: int
    region: str
    usd_per_hour: float


@dataclass(frozen=True, kw_only=True)
class ListedModel:
    """One lock file.

    Attributes:
        smallest: None where no machine with a known price holds it.
    """

    name: str
    repository: str
    complete: bool
    licence: str
    terms: str
    quantisation: str
    weights_gb: float
    context: int
    smallest: Smallest | None


def listed(locks: Iterable[ModelLock]) -> tuple[ListedModel, ...]:
    """Every lock with the cheapest machine that holds it."""
    return tuple(
        ListedModel(
            name=lock.name,
            repository=lock.repository,
            complete=lock.complete,
            licence=lock.licence.id,
            terms=lock.licence.terms,
            quantisation=lock.quantisation.method,
            weights_gb=round(lock.weights_bytes / 1e9, 2),
            context=lock.architecture.max_position_embeddings,
            smallest=smallest(lock),
        )
        for lock in locks
    )


def smallest(lock: ModelLock) -> Smallest | None:
    """The cheapest machine on which an engine starts with `CONTEXT` tokens and its own defaults."""
    model = checkpoint(lock)
    context = min(CONTEXT, lock.architecture.max_position_embeddings)
    for usd, machine, region in _by_price():
        assert machine.gpu is not None  # _by_price has no others
        for gpus in (count for count in (1, 2, 4, 8) if count <= machine.gpus):
            demand = Demand(
                gpus=gpus,
                max_model_len=context,
                max_num_seqs=default_seqs(machine.gpu),
                kv_cache_dtype="auto",
                gpu_memory_utilization=engine_version().utilization,
            )
            if assess(model, machine.gpu, demand).verdict == "ok":
                return Smallest(instance=machine.name, gpus=gpus, region=region, usd_per_hour=usd)
    return None


@lru_cache
def _by_price() -> tuple[tuple[float, InstanceType, str], ...]:
    """Machine types with GPUs at the price of their cheapest EU region, the cheapest first."""
    found = []
    for machine in instances.all_types().values():
        prices = [
            (usd, region)
            for region in EU_REGIONS
            if instances.offered_zones(machine.name, region)
            and (usd := on_demand_usd_per_hour(machine.name, region)) is not None
        ]
        if machine.gpu is not None and machine.architecture == SERVED and prices:
            usd, region = min(prices)
            found.append((usd, machine, region))
    return tuple(sorted(found, key=lambda one: (one[0], one[1].name)))
