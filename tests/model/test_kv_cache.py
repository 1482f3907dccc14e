"""The arithmetic of one layout at a time."""

from typing import Any

import pytest

from components.model.hub_config import architecture_of
from components.model.kv_cache import cache_layout

from .records import GIB, RECORDS, architecture, layout_of, name

HYBRID = [
    record
    for record in RECORDS
    if "blocks_per_max_len_request" in record["check"] and record["check"]["verdict"] == "consistent"
]


@pytest.mark.parametrize("record", HYBRID, ids=name)
def test_hybrid_models_get_the_logged_blocks_and_groups(record: dict[str, Any]) -> None:
    layout, check = layout_of(record), record["check"]
    assert layout.block_tokens == check["attention_block"]
    assert layout.groups == check["groups"]
    assert layout.block_bytes == check["bytes_per_block"]
    assert layout.request_blocks == check["blocks_per_max_len_request"]


def test_a_refused_start_is_refused_with_the_logged_longest_request() -> None:
    record = next(record for record in RECORDS if (record["extra"] or {}).get("estimated_max_len") == 112896)
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
        speculative_tokens=columns,
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
