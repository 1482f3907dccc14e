"""What an engine is told when it starts, and what the world may ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.settings.model_service import EdgeModel, ModelService

PORT: Final = 8000
"""Every engine listens here; the gateway and the network rules know no other port."""

CACHE: Final = "/home/engine"
"""Home and caches of every engine: an empty folder that is thrown away with the container."""
COMPILED: Final = f"{CACHE}/compiled"
"""What an engine compiles for its GPU, and takes from there if it is restored before the engine starts."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One engine's command line and what surrounds it.

    Args:
        image: name in the images lock file.
        command: the program, spelled out so that policies can read it; none leaves it to the image's entrypoint.
        health_path: answers 200 when a request would be served.
        metrics_prefix: every metric of the engine starts with it.
        writable_paths: folders that the engine writes; everything else is read-only.
        user: numeric user and group that the image supports.
    """

    image: str
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    port: int = PORT
    health_path: str = "/health"
    metrics_path: str = "/metrics"
    metrics_prefix: str
    writable_paths: tuple[str, ...] = ("/tmp", CACHE)
    user: int
    group: int


@dataclass(frozen=True, kw_only=True)
class Service:
    """One model as an engine sees it: the same on a cluster and on a single host."""

    name: str
    gpus: int
    max_model_len: int
    max_num_seqs: int
    kv_cache_dtype: str
    gpu_memory_utilization: float
    drain_seconds: int


EDGE_DRAIN_SECONDS: Final = 30
"""A host that stops waits this long for running answers: people watch it, unlike a rollout."""


def service(name: str, model: ModelService | EdgeModel) -> Service:
    """The settings of a model under the name that clients use for it."""
    return Service(
        name=name,
        gpus=model.gpus,
        max_model_len=model.max_model_len,
        max_num_seqs=model.max_num_seqs,
        kv_cache_dtype=model.kv_cache_dtype,
        gpu_memory_utilization=model.gpu_memory_utilization,
        drain_seconds=model.drain_seconds if isinstance(model, ModelService) else EDGE_DRAIN_SECONDS,
    )
