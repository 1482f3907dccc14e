"""Whether a model fits on a machine, and which machines would hold it."""

from dataclasses import dataclass, replace

from components.catalog import instances
from components.catalog.instances import Gpu
from components.catalog.prices import on_demand_usd_per_hour
from components.catalog.regions import EU_REGIONS
from components.model.lock import ModelLock
from components.model.memory import Demand, MemoryPlan, assess

__all__ = ["MemoryPlan", "Placement", "plan", "smallest_machines"]


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
    """The memory of each of `gpus` tensor-parallel GPUs; a refusal names machine types that hold the model.

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
    memory = assess(lock, gpu, demand)
    if not memory.larger_machine_helps:
        return memory
    ways = [f"{machine.name} with gpus: {machine.gpus}" for machine in smallest_machines(lock, demand, region)]
    if lock.quantisation.bits > 8:
        ways.append("an AWQ lock file")
    joined = ", or ".join(ways) or f"no machine type of {region or 'the EU regions'} holds it: take a smaller model"
    link = ", or " if "; " in memory.problem else "; use " if ways else "; "
    return replace(memory, problem=f"{memory.problem}{link}{joined}")


def smallest_machines(
    lock: ModelLock, demand: Demand, region: str | None = None, *, limit: int = 2
) -> tuple[Placement, ...]:
    """The cheapest machine types that serve the demand on 1, 2, 4 or 8 GPUs; those without a known price come last.

    Args:
        lock: the model.
        demand: how it shall be served; its number of GPUs is not considered.
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
            if assess(lock, machine.gpu, replace(demand, gpus=gpus)).verdict != "refused":
                prices = [price for place in offered if (price := on_demand_usd_per_hour(machine.name, place))]
                price = min(prices, default=None)
                order = (float("inf") if price is None else price, machine.gpus * machine.gpu.memory_gib, machine.name)
                found.append((order, Placement(name=machine.name, gpus=gpus, usd_per_hour=price)))
                break
    return tuple(placement for _, placement in sorted(found, key=lambda item: item[0])[:limit])
