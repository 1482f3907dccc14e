"""Under which key an engine's compiled kernels and graphs are kept: everything that they depend on."""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from components.model.lock import ModelLock

# Flags that say where the engine listens, how it ends and what it tells; compiled code does not depend on them.
IRRELEVANT: Final = frozenset(
    {
        "--host",
        "--port",
        "--served-model-name",
        "--shutdown-timeout",
        "--enable-force-include-usage",
        "--disable-fastapi-docs",
        "--disable-access-log-for-endpoints",
        "--allowed-media-domains",
        "--fail-on-environ-validation",
        "--load-format",
    }
)
PREFIX: Final = "engine-caches"


def engine_cache_key(lock: ModelLock, *, engine_image: str, gpu: str, gpus: int, arguments: Iterable[str]) -> str:
    """One key for each combination whose caches can be shared; an unknown flag counts, so it can only be too careful.

    Args:
        lock: the model; its revision counts, its name does not.
        engine_image: reference by digest: another build may compile otherwise.
        gpu: name of the GPU.
        gpus: how many of them share the model.
        arguments: the engine's command line; flags in the form `--name=value`.

    Raises:
        ValueError: the image has no digest.
    """
    _, at, digest = engine_image.rpartition("@")
    if not at or not digest.startswith("sha256:"):
        raise ValueError(f"{engine_image!r} has no digest; name the image by digest")
    flags = sorted(
        argument for argument in arguments if argument.startswith("--") and argument.split("=")[0] not in IRRELEVANT
    )
    document = {
        "repository": lock.repository,
        "revision": lock.revision,
        "image": digest,
        "gpu": gpu,
        "gpus": gpus,
        "flags": flags,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
