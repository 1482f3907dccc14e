"""What a model of the settings comes to on the machines of its pool: memory, start, how replicas pack, which zones."""

from collections.abc import Iterable, Iterator

from components.catalog import instances
from components.model.cold_start import ColdStart, cold_start
from components.model.lock import ModelLock
from components.model.sizing import MemoryPlan, plan
from components.settings.cluster import NodePool
from components.settings.layer import PlatformSettings
from components.settings.model_service import ModelService


def machines_for(replicas: Iterable[int], gpus: int) -> int:
    """Machines that hold replicas of so many GPUs each, the largest first: a replica never spans two.

    Args:
        replicas: GPUs of each; none wants more than a machine has.
        gpus: of one machine; the device plug-in hands out whole ones.
    """
    free: list[int] = []
    for wanted in sorted(replicas, reverse=True):
        place = next((number for number, left in enumerate(free) if left >= wanted), None)
        if place is None:
            free.append(gpus - wanted)
        else:
            free[place] -= wanted
    return len(free)


def machines_of(models: Iterable[ModelService], pool: NodePool) -> int:
    """Machines of a pool that all replicas of some models take together."""
    replicas = (model.gpus for model in models for _ in range(model.replicas))
    return machines_for(replicas, instances.find(pool.instance_type).gpus)


def nodes_wait(model: ModelService, pool: NodePool) -> bool:
    """Whether the pool always has machines for all replicas, as if they had it to themselves."""
    return machines_of([model], pool) <= pool.min_nodes


def memory_of(model: ModelService, lock: ModelLock, gpu: instances.Gpu, region: str) -> MemoryPlan:
    """How one replica fills the memory of its GPUs."""
    return plan(
        lock,
        gpu,
        gpus=model.gpus,
        max_model_len=model.max_model_len,
        max_num_seqs=model.max_num_seqs,
        kv_cache_dtype=model.kv_cache_dtype,
        gpu_memory_utilization=model.gpu_memory_utilization,
        region=region,
    )


def start_of(model: ModelService, lock: ModelLock, pool: NodePool, *, asleep: bool = False) -> ColdStart:
    """What one replica's start is made of.

    Args:
        model: its section of the stack.
        lock: its lock file.
        pool: where it runs.
        asleep: it has given its machine back before.
    """
    return cold_start(
        lock.weights_bytes,
        instances.find(pool.instance_type),
        node_waits=not asleep and nodes_wait(model, pool),
        compiled=model.compile_cache_sha256 is not None,
    )


def scarce_zones(platform: PlatformSettings) -> Iterator[str]:
    """A line for each pool whose machines some zones of the region lack.

    Settings name zones as one account does (`eu-central-1a`), the catalogue has ids that are the same for all
    (`euc1-az1`): which is which is not known here, so zones are counted.
    """
    region, zones = platform.region, len(platform.zones)
    everywhere = instances.zones_of(region)
    for name, pool in platform.node_pools.items():
        found = instances.offering(pool.instance_type, region)
        if found is None or len(found.zones) == len(everywhere):
            continue
        lacking = zones - len(found.zones)
        some = f"at least {lacking} of {zones} zones cannot have" if lacking > 0 else f"some of {zones} zones may lack"
        yield (
            f"node pool {name}: {some} {pool.instance_type}, which is offered in "
            f"{', '.join(instances.offered_regions(pool.instance_type))} ({found.source}, {found.date}); "
            "`aws ec2 describe-availability-zones` tells the ids of your zones"
        )
