"""How weights come to an engine: from the node's cache, its data disk, or streamed from S3. A rule with its reasons."""

from dataclasses import dataclass
from typing import Final, Literal

from components.catalog.instances import line_gbit
from components.catalog.node_cache import SHARE

# Streaming an 8B model into one machine of 40 Gb/s: 3.51 GiB/s, three quarters of the line.
# Source: run-ai/runai-model-streamer, docs/src/benchmarks.md (g5.12xlarge, Llama-3-8B, one file, to GPU).
LINE_SHARE: Final = 0.75
# 125 GiB onto local NVMe in 47.0 s, bound by its writes. Source: marin-community/marin#7136. Its 3.5 s for reading back
# came from the page cache, for which the loader has no memory: reads are taken to be as fast as writes.
NVME_GB_PER_SECOND: Final = 2.85
# "Up to 25 Gigabit" is a burst; AWS promises less, so the rule counts on half.
BURST_SHARE: Final = 0.5
# Below this a first start is not worth a path without digests.
WORTH_SECONDS: Final = 20.0
WORTH_SHARE: Final = 0.25

Path = Literal["node-cache", "pod-disk", "runai-streamer"]


@dataclass(frozen=True, kw_only=True)
class WeightsPath:
    """The choice; seconds are of a node's first start, without the node's own.

    Attributes:
        path: what the engine reads from.
        reasons: why, in words, the deciding one first.
        cache_seconds: S3 to the node's disk, then into the engine; None when its local disks do not hold the weights.
        stream_seconds: S3 into the engine; None when the engine cannot.
        restart_seconds: any later start on the same node from its cache; None likewise.
    """

    path: Path
    reasons: tuple[str, ...]
    cache_seconds: float | None
    stream_seconds: float | None
    restart_seconds: float | None

    def line(self) -> str:
        """For people."""
        times = [
            f"{name} {seconds:.0f} s"
            for name, seconds in (
                ("first start from the node cache", self.cache_seconds),
                ("later ones on a node that kept them", self.restart_seconds),
                ("streamed", self.stream_seconds),
            )
            if seconds is not None
        ]
        return f"weights by {self.path} ({', '.join(times)}): {'; '.join(self.reasons)}"


def choose_path(
    *,
    engine: str,
    weights_format: str,
    weights_bytes: int,
    network: str,
    nvme_gb: int,
    unverified_allowed: bool = False,
) -> WeightsPath:
    """The node cache, or a folder of the pod's own without room there; streaming where possible, allowed and worth it.

    Args:
        engine: name of the engine.
        weights_format: of the lock file.
        weights_bytes: of the lock file.
        network: the machine's line as the catalogue writes it: `50 Gigabit`, `Up to 25 Gigabit`.
        nvme_gb: local disks of the machine.
        unverified_allowed: whether an engine may read bytes that nobody compared with the lock; streaming does.
    """
    gigabytes, rate = weights_bytes / 1e9, network_gb_per_second(network) * LINE_SHARE
    streams = engine == "vllm" and weights_format == "safetensors"
    fits = nvme_gb * SHARE >= gigabytes
    stream = gigabytes / rate if streams else None
    restart = gigabytes / NVME_GB_PER_SECOND if fits else None
    cache = gigabytes / min(rate, NVME_GB_PER_SECOND) + (restart or 0.0) if fits else None
    path, reasons = _rule(streams, fits, unverified_allowed, cache, stream, gigabytes, nvme_gb, engine)
    return WeightsPath(path=path, reasons=reasons, cache_seconds=cache, stream_seconds=stream, restart_seconds=restart)


def network_gb_per_second(network: str) -> float:
    """The line's rate that can be counted on.

    Raises:
        ValueError: not the form of the catalogue.
    """
    line = line_gbit(network)
    if line is None:
        raise ValueError(f"{network!r} is no line rate; write it like '50 Gigabit' or 'Up to 25 Gigabit'")
    gigabits, is_burst = line
    return gigabits * (BURST_SHARE if is_burst else 1.0) / 8


def _rule(
    streams: bool,
    fits: bool,
    unverified_allowed: bool,
    cache: float | None,
    stream: float | None,
    gigabytes: float,
    nvme_gb: int,
    engine: str,
) -> tuple[Path, tuple[str, ...]]:
    kept: Path = "node-cache" if fits else "pod-disk"
    no_room = (
        []
        if fits
        else [f"{SHARE:.0%} of {nvme_gb} GB of local NVMe do not hold {gigabytes:.0f} GB, so every pod fetches its own"]
    )
    if not streams:
        reason = f"{engine} reads local files only" if engine != "vllm" else "vLLM streams safetensors only"
        return kept, (reason, *no_room)
    assert stream is not None
    if not unverified_allowed:
        saved = f"; streaming would save {cache - stream:.0f} s of a first start" if cache and cache > stream else ""
        return kept, (f"every byte is compared with the lock before the engine reads it{saved}", *no_room)
    if cache is None:
        return "runai-streamer", ("unverified bytes are allowed here", *no_room)
    if cache - stream >= max(WORTH_SECONDS, WORTH_SHARE * cache):
        return "runai-streamer", (
            f"saves {cache - stream:.0f} s of a first start, which local NVMe bounds",
            "unverified bytes are allowed here",
        )
    return kept, (f"streaming would save only {max(0.0, cache - stream):.0f} s, and every restart would pay it",)
