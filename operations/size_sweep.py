"""One model on every machine type of a region: what starts, how much it holds, what it costs."""

from dataclasses import dataclass, replace

from components.catalog import instances
from components.catalog.prices import on_demand_usd_per_hour
from components.model.memory import Verdict, assess
from operations.size_model import Machine, Wish, demand_of
from operations.size_subject import Subject


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One way to serve the model: a machine type, GPUs and a cache type."""

    instance: str
    tensor_parallel: int
    kv_cache_dtype: str
    verdict: Verdict
    tokens_in_cache: int
    max_concurrency: float
    usd_per_hour: float | None


def sweep(subject: Subject, wish: Wish, region: str) -> tuple[SweepRow, ...]:
    """Every machine type of a region with 1, 2, 4 or 8 of its GPUs and each cache type, the cheapest first.

    Args:
        subject: the model.
        wish: how it shall be served; GPUs and cache type are varied.
        region: whose machine types and prices count.
    """
    rows = []
    for machine in instances.all_types().values():
        if machine.gpu is None or not instances.offered_zones(machine.name, region):
            continue
        for gpus in (count for count in (1, 2, 4, 8) if count <= machine.gpus):
            for dtype in ("auto", "fp8"):
                asked = replace(wish, tensor_parallel=gpus, pipeline_parallel=1, kv_cache_dtype=dtype)
                demand = demand_of(subject, Machine(gpu=machine.gpu, gpus=gpus), asked)
                found = assess(subject.checkpoint, machine.gpu, demand)
                starts = found.verdict != "refuse"
                rows.append(
                    SweepRow(
                        instance=machine.name,
                        tensor_parallel=gpus,
                        kv_cache_dtype=dtype,
                        verdict=found.verdict,
                        tokens_in_cache=found.tokens if starts else 0,
                        max_concurrency=found.concurrency if starts else 0.0,
                        usd_per_hour=on_demand_usd_per_hour(machine.name, region),
                    )
                )
    return tuple(sorted(rows, key=_order))


def _order(row: SweepRow) -> tuple[bool, float, int, str, str]:
    price = float("inf") if row.usd_per_hour is None else row.usd_per_hour
    return row.verdict == "refuse", price, row.tensor_parallel, row.instance, row.kv_cache_dtype
