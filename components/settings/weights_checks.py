"""Where a model's weights will lie, and whether there is room for them on every machine that may hold it."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

from components.catalog.instances import InstanceType
from components.catalog.node_cache import node_cache_bytes
from components.model.lock import ModelLock
from components.model.weights_path import WeightsPath, choose_path
from components.settings.cluster import NodePool
from components.settings.model_service import ModelService

IMAGES_GIB: Final = 40
"""Of a data disk: images of two versions of an engine, unpacked, and what pods scribble."""


def weights_path(model: ModelService, lock: ModelLock, machine: InstanceType) -> WeightsPath:
    """How the model's weights come to its engine on that machine."""
    return choose_path(
        engine=model.engine,
        weights_format=lock.format,
        weights_bytes=lock.weights_bytes,
        network=machine.network,
        nvme_gb=machine.nvme_gb,
        unverified_allowed=model.stream_weights,
    )


def room_problems(
    pool_name: str, pool: NodePool, machine: InstanceType, models: Mapping[str, tuple[ModelService, ModelLock]]
) -> Iterator[str]:
    """Models of one pool that its machines have no room for.

    Args:
        pool_name: its key in the settings.
        pool: its settings.
        machine: its machines; with GPUs.
        models: what runs there, by name.
    """
    paths = {name: weights_path(model, lock, machine).path for name, (model, lock) in models.items()}
    kept = {name: found for name, found in models.items() if paths[name] == "node-cache"}
    together = _largest_together(kept, machine.gpus)
    limit = node_cache_bytes(machine)
    taken = sum(kept[name][1].weights_bytes for name in together)
    if taken > limit:
        yield (
            f"settings.models: {', '.join(together)} may meet on one {machine.name} of pool {pool_name!r} and have "
            f"{taken / 1e9:.0f} GB of weights; its local disks keep {limit / 1e9:.0f} GB. Give one another pool, "
            "or take a machine with larger disks"
        )
    for name, (model, lock) in models.items():
        if paths[name] != "pod-disk":
            continue
        pods = min(model.replicas, machine.gpus // model.gpus)
        needed = pods * ceil(lock.weights_bytes / 2**30) + IMAGES_GIB
        if needed > pool.disk_gib:
            yield (
                f"settings.models.{name}: {pods} of it on one {machine.name} need {needed} GiB of its data disk; pool "
                f"{pool_name!r} has disk_gib '{pool.disk_gib}'. Raise it, or take a machine with larger local disks"
            )


def _largest_together(models: Mapping[str, tuple[ModelService, ModelLock]], gpus: int) -> list[str]:
    """Those whose weights take most among the models that may be on one machine at once; one lock counts once."""
    heaviest: dict[str, str] = {}
    for name in sorted(models, key=lambda name: models[name][0].gpus):
        heaviest.setdefault(models[name][0].lock, name)
    best: dict[int, tuple[int, list[str]]] = {0: (0, [])}
    for name in heaviest.values():
        model, lock = models[name]
        for used, (size, names) in list(best.items()):
            now = used + model.gpus
            if now <= gpus and size + lock.weights_bytes > best.get(now, (-1, []))[0]:
                best[now] = (size + lock.weights_bytes, [*names, name])
    return max(best.values())[1]
