"""The arithmetic against start-up logs of real engines; sources are in every record."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.model.architecture import Architecture, LatentAttention, LinearAttention, SlidingWindow
from components.model.hub_config import architecture_of
from components.model.kv_cache import CacheLayout, cache_layout

GIB = 2**30
RECORDS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "kv_records.jsonl").read_text().splitlines()
]


def architecture(record: dict[str, Any]) -> Architecture:
    arch = record["arch"]
    kinds = arch.get("layer_types_count", {})
    # Engine V0 charged sliding layers in full.
    sliding = kinds.get("sliding_attention", 0) if record["engine"] != "V0" else 0
    linear = kinds.get("linear_attention", 0)
    return Architecture(
        model_type="recorded",
        layers=arch["num_hidden_layers"] + record["extra"].get("num_speculative_layers", 0),
        hidden_size=arch.get("hidden_size", 1),
        attention_heads=arch.get("num_attention_heads", 1),
        kv_heads=arch.get("num_key_value_heads", 1),
        head_dim=arch.get("head_dim", 1),
        vocab_size=arch.get("vocab_size", 1),
        max_position_embeddings=2**20,
        global_kv_heads=arch.get("num_global_key_value_heads"),
        global_head_dim=arch.get("global_head_dim"),
        sliding=SlidingWindow(layers=sliding, window=arch["sliding_window"]) if sliding else None,
        latent=LatentAttention(
            kv_lora_rank=arch["kv_lora_rank"],
            qk_rope_head_dim=arch["qk_rope_head_dim"],
            index_head_dim=arch.get("index_head_dim"),
        )
        if "kv_lora_rank" in arch
        else None,
        linear=LinearAttention(
            layers=linear,
            key_heads=arch["linear_num_key_heads"],
            value_heads=arch["linear_num_value_heads"],
            key_head_dim=arch["linear_key_head_dim"],
            value_head_dim=arch["linear_value_head_dim"],
            conv_kernel=arch["linear_conv_kernel_dim"],
        )
        if linear
        else None,
    )


def layout_of(record: dict[str, Any], max_model_len: int | None = None) -> CacheLayout:
    return cache_layout(
        architecture(record),
        gpus=record["tp"],
        element_bytes=1 if (record["kv_cache_dtype"] or "auto").startswith("fp8") else 2,
        max_model_len=max_model_len or record["max_model_len"] or 4096,
        max_num_batched_tokens=record["check"].get("assumed_max_num_batched_tokens", 2048),
        pipeline_stages=record["pp"] or 1,
        inflight_batches=1,
        state_blocks=record["check"].get("assumed_state_blocks", 1),
    )


def name(record: dict[str, Any]) -> str:
    return f"{record['model'].split('/')[-1]}-tp{record['tp']}-{record['available_kv_gib']}"


LOGGED = [
    record for record in RECORDS if record["kv_cache_tokens"] or record["gpu_blocks"] or record["max_concurrency"]
]


@pytest.mark.parametrize("record", LOGGED, ids=name)
def test_tokens_of_a_logged_start_follow_from_its_free_memory(record: dict[str, Any]) -> None:
    layout = layout_of(record)
    available = record["available_kv_gib"] * GIB
    contexts = record["extra"].get("dcp", 8 if record["kv_cache_tokens"] == 5721088 else 1)
    blocks = layout.blocks(available)
    # Up to about 0.20 vLLM printed blocks // groups x the smallest block, since then concurrency x max_model_len.
    old = blocks // layout.groups * 16 if layout.groups > 1 else blocks * layout.block_tokens * contexts
    printed = record["kv_cache_tokens"]
    if record["gpu_blocks"]:
        assert record["gpu_blocks"] == pytest.approx(blocks, rel=0.002)
    elif printed is None:
        assert record["max_concurrency"] == pytest.approx(layout.concurrency(available), rel=0.005)
    else:
        ratios = [printed / predicted for predicted in (old, layout.tokens(available)) if predicted]
        assert any(0.9886 <= ratio <= 1.003 for ratio in ratios), ratios


def test_enough_starts_of_every_kind_are_compared() -> None:
    kinds = [architecture(record) for record in LOGGED]
    assert len(kinds) >= 35
    assert sum(1 for kind in kinds if kind.latent) >= 5
    assert sum(1 for kind in kinds if kind.sliding) >= 4
    assert sum(1 for kind in kinds if kind.linear) >= 4


HYBRID = [record for record in RECORDS if "blocks_per_max_len_request" in record["check"]]


@pytest.mark.parametrize("record", HYBRID, ids=name)
def test_hybrid_models_get_the_logged_blocks_and_groups(record: dict[str, Any]) -> None:
    layout, check = layout_of(record), record["check"]
    assert layout.block_tokens == check["attention_block"]
    assert layout.groups == check["groups"]
    assert layout.block_bytes == check["bytes_per_block"]
    assert layout.request_blocks == check["blocks_per_max_len_request"]


def test_a_refused_start_is_refused_with_the_logged_longest_request() -> None:
    record = next(record for record in RECORDS if record["extra"].get("estimated_max_len") == 112896)
    blocks = layout_of(record).blocks(record["available_kv_gib"] * GIB)
    assert layout_of(record).request_bytes / GIB == pytest.approx(record["extra"]["needed_kv_gib"], abs=0.01)
    assert layout_of(record).request_blocks > blocks
    assert layout_of(record, 112896).request_blocks <= blocks
    assert layout_of(record, 112897).request_blocks > blocks


@pytest.mark.parametrize(
    ("gpus", "element_bytes", "columns", "block"), [(1, 2, 0, 784), (1, 1, 0, 1568), (2, 2, 2, 800)]
)
def test_linear_attention_raises_the_block_as_logged(gpus: int, element_bytes: int, columns: int, block: int) -> None:
    record = next(record for record in RECORDS if record["model"] == "Qwen/Qwen3.8-27B-FP8")
    layout = cache_layout(
        architecture(record),
        gpus=gpus,
        element_bytes=element_bytes,
        max_model_len=8192,
        max_num_batched_tokens=2048,
        conv_columns=columns,
    )
    assert layout.block_tokens == block


def test_key_value_heads_are_replicated_when_there_are_more_gpus() -> None:
    config = {
        "model_type": "qwen3_moe",
        "num_hidden_layers": 94,
        "hidden_size": 4096,
        "num_attention_heads": 64,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "vocab_size": 151936,
        "max_position_embeddings": 40960,
    }
    sizes = [
        cache_layout(
            architecture_of(config), gpus=gpus, element_bytes=2, max_model_len=4096, max_num_batched_tokens=2048
        ).bytes_per_token
        for gpus in (1, 2, 4, 8)
    ]
    assert sizes == [4 * sizes[3], 2 * sizes[3], sizes[3], 94 * 2 * 128 * 2]


def test_latent_attention_is_not_divided_among_gpus() -> None:
    record = next(record for record in RECORDS if record["model"].startswith("moonshotai/Kimi-K2"))
    arch = architecture(record)
    one, eight = (
        cache_layout(arch, gpus=gpus, element_bytes=2, max_model_len=4096, max_num_batched_tokens=2048)
        for gpus in (1, 8)
    )
    assert one == eight
    assert one.bytes_per_token == 61 * (512 + 64) * 2
