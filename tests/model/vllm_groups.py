"""Run by vLLM's own Python: reads layers as JSON from standard input and answers what vLLM makes of them.

Input: a list of `{"layers": [{"kind", "kv_heads", "head_dim", "block", "window", "chunk", "state_bytes", "page"}],
"max_model_len", "in_flight"}`. Output: a list of `{"block_bytes", "groups", "request_blocks"}`.
"""

import json
import sys
from math import ceil
from types import SimpleNamespace
from typing import Any

import torch
from vllm.v1.core import kv_cache_utils
from vllm.v1.kv_cache_interface import (
    ChunkedLocalAttentionSpec,
    FullAttentionSpec,
    KVCacheSpec,
    MambaSpec,
    SlidingWindowSpec,
)
from vllm.v1.kv_cache_layout import KVCacheLayout

LAYOUT = next(layout for layout in KVCacheLayout if not layout.is_block_outermost)


def spec(layer: dict[str, Any]) -> KVCacheSpec:
    if layer["kind"] == "state":
        shape = ((layer["state_bytes"],),)
        return MambaSpec(block_size=16, shapes=shape, dtypes=(torch.int8,), page_size_padded=layer["page"])
    common = {
        "block_size": layer["block"],
        "num_kv_heads": layer["kv_heads"],
        "head_size": layer["head_dim"],
        "dtype": torch.bfloat16,
    }
    if layer["kind"] == "sliding":
        return SlidingWindowSpec(**common, sliding_window=layer["window"])
    if layer["kind"] == "chunked":
        return ChunkedLocalAttentionSpec(**common, attention_chunk_size=layer["chunk"])
    return FullAttentionSpec(**common)


def config(case: dict[str, Any]) -> Any:
    space = SimpleNamespace
    return space(
        scheduler_config=space(disable_hybrid_kv_cache_manager=False),
        cache_config=space(
            get_resolved_kv_cache_layout=lambda: LAYOUT, mamba_cache_mode="align", num_gpu_blocks_override=None
        ),
        model_config=space(max_model_len=case["max_model_len"]),
        parallel_config=space(decode_context_parallel_size=1, tensor_parallel_size=1),
        max_in_flight_tokens=case["in_flight"],
        speculative_config=None,
        num_prefill_lookahead_tokens=0,
    )


def answer(case: dict[str, Any]) -> dict[str, int]:
    settings = config(case)
    groups = kv_cache_utils.get_kv_cache_groups(
        settings, {f"layer-{number}": spec(layer) for number, layer in enumerate(case["layers"])}
    )
    needed = [ceil(g.kv_cache_spec.max_memory_usage_bytes(settings) / g.kv_cache_spec.page_size_bytes) for g in groups]
    pool = kv_cache_utils._pool_bytes_per_block(settings, groups)
    return {"block_bytes": pool, "groups": len(groups), "request_blocks": sum(needed)}


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
