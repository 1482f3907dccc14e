"""What vLLM's versions do differently with memory."""

import re
from dataclasses import dataclass
from typing import Final

NEWEST: Final = "0.33.0"
"""The newest version whose source was read; an unknown version is taken to behave like it."""


@dataclass(frozen=True, kw_only=True)
class EngineVersion:
    """How one version sizes its cache.

    Attributes:
        name: as it was asked for.
        keeps_windows: sliding and chunked layers keep only what they look back at; before, they were charged in full.
        inflight_batches: steps whose tokens a window still holds.
        state_blocks: blocks of state that one request holds, without speculative tokens.
        reserved_blocks: blocks that the start-up check sets aside.
        graphs_in_budget: CUDA graphs are estimated before the cache is sized; before, they came on top of the budget.
        sampler_copies: copies of max_num_seqs x vocabulary x 4 bytes at the peak of the profiling run.
        utilization: default of `--gpu-memory-utilization`.
    """

    name: str
    keeps_windows: bool
    inflight_batches: int
    state_blocks: int
    reserved_blocks: int
    graphs_in_budget: bool
    sampler_copies: float
    utilization: float


def engine_version(name: str | None = None) -> EngineVersion:
    """The behaviour of a version such as `0.26.0` or `v0.10.1.1`; None is the newest.

    Raises:
        ValueError: not a version.

    Source: vLLM 0.33's `v1/core/kv_cache_utils.py` and `v1/kv_cache_interface.py`; start-up logs in
    tests/model/data/kv_records.jsonl show the older behaviour. Where nobody saw the change itself, the cautious side
    begins with the first version after the last one that was seen.
    """
    found = re.match(r"v?(\d+)\.(\d+)", name or NEWEST)
    if not found:
        raise ValueError(f"{name!r} is no version of vLLM; write it like {NEWEST}")
    version = (int(found[1]), int(found[2]))
    return EngineVersion(
        name=name or NEWEST,
        keeps_windows=version >= (0, 10),
        inflight_batches=2 if version >= (0, 21) else 1,
        state_blocks=2 if version >= (0, 27) else 1,
        reserved_blocks=1 if version >= (0, 27) else 0,
        graphs_in_budget=version >= (0, 21),
        sampler_copies=6.0 if version >= (0, 12) else 9.75,
        utilization=0.92 if version >= (0, 12) else 0.9,
    )
