"""Whether a model fits on a machine, and which machines would hold it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from components.catalog import instances
from components.catalog.instances import Gpu
from components.catalog.prices import on_demand_usd_per_hour
from components.catalog.regions import EU_REGIONS
from components.model.lock import ModelLock
from components.model.memory import Checkpoint, Demand, MemoryPlan, assess, checkpoint

__all__ = ["MemoryPlan", "Placement", "plan", "plan_checkpoint", "smallest_machines"]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A machine type and how many of its GPUs hold the model; `usd_per_hour` is None where no price is known."""

    name: str
    gpus: int
    usd_per_hour: float | None


def plan(
    lock: ModelLock,
    gpu: Gpu,
    *,
    gpus: int,
    max_model_len: int,
    max_num_seqs: int,
    kv_cache_dtype: str,
    gpu_memory_utilization: float,
    region: str | None = None,
) -> MemoryPlan:
    """The memory of each of `gpus` tensor-parallel GPUs; a refusal suggests machine types that hold the model.

    Args:
        lock: the model.
        gpu: every GPU of the machine is of this kind.
        gpus: tensor-parallel size.
        max_model_len: longest request in tokens.
        max_num_seqs: requests that run at once.
        kv_cache_dtype: `auto` (16 bit) or `fp8`.
        gpu_memory_utilization: share of the device's memory that the engine may take.
        region: where proposed machine types must be offered; any EU region when None.
    """
    demand = Demand(
        gpus=gpus,
        max_model_len=max_model_len,
        max_num_seqs=max_num_seqs,
        kv_cache_dtype=kv_cache_dtype,
        gpu_memory_utilization=gpu_memory_utilization,
    )
    return plan_checkpoint(checkpoint(lock), gpu, demand, region, quantised=lock.quantisation.bits <= 8)


def plan_checkpoint(
    model: Checkpoint, gpu: Gpu, demand: Demand, region: str | None = None, *, quantised: bool
) -> MemoryPlan:
    """The same for numbers that need not come from a lock file.

    Args:
        model: the model's numbers.
        gpu: every GPU of the machine is of this kind.
        demand: how it shall be served.
        region: where proposed machine types must be offered; any EU region when None.
        quantised: whether the weights are already; otherwise an AWQ lock file is suggested as well.
    """
    memory = assess(model, gpu, demand)
    if not memory.larger_machine_helps:
        return memory
    return replace(memory, suggestions=(*memory.suggestions, *_ways(model, gpu, demand, region, quantised)))


def smallest_machines(
    model: Checkpoint, demand: Demand, region: str | None = None, *, limit: int = 2
) -> tuple[Placement, ...]:
    """The cheapest machine types that serve the demand on 1, 2, 4 or 8 GPUs; those without a known price come last.

    Args:
        model: the model's numbers.
        demand: how it shall be served; its number of GPUs and its free memory are not considered.
        region: where the types must be offered; any EU region when None.
        limit: how many to return.
    """
    regions = (region,) if region else EU_REGIONS
    found = []
    for machine in instances.all_types().values():
        offered = [place for place in regions if instances.offered_zones(machine.name, place)]
        if machine.gpu is None or not offered:
            continue
        for gpus in (count for count in (1, 2, 4, 8) if count <= machine.gpus):
            wanted = replace(demand, gpus=gpus, pipeline_stages=1, available_gib=None)
            if assess(model, machine.gpu, wanted).verdict != "refuse":
                prices = [price for place in offered if (price := on_demand_usd_per_hour(machine.name, place))]
                price = min(prices, default=None)
                order = (float("inf") if price is None else price, machine.gpus * machine.gpu.memory_gib, machine.name)
                found.append((order, Placement(name=machine.name, gpus=gpus, usd_per_hour=price)))
                break
    return tuple(placement for _, placement in sorted(found, key=lambda item: item[0])[:limit])


def _ways(model: Checkpoint, gpu: Gpu, demand: Demand, region: str | None, quantised: bool) -> Iterator[str]:
    """More GPUs of the same kind, other machine types, smaller weights."""
    for gpus in (count for count in (2, 4, 8) if count > demand.gpus):
        if assess(model, gpu, replace(demand, gpus=gpus, available_gib=None)).verdict != "refuse":
            yield f"gpus: {gpus} of the same kind"
            break
    machines = smallest_machines(model, demand, region)
    yield from (f"{machine.name} with gpus: {machine.gpus}" for machine in machines)
    if not quantised:
        yield "an AWQ lock file"
    elif not machines:
        yield f"a smaller model: no machine type of {region or 'the EU regions'} holds this one"
