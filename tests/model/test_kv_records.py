"""The arithmetic against start-up logs of real engines: exact where the log tells free memory, honest where not."""

from typing import Any

import pytest

from components.model.memory import assess, estimate

from .records import (
    GIB,
    RECORDS,
    architecture,
    checkpoint_of,
    demand_of,
    extra,
    gpu_of,
    has_numbers,
    layout_of,
    name,
    version,
)

# Logs print GiB with two decimals.
ROUNDING_GIB = 0.005
# Model and free memory of logs whose numbers no arithmetic can meet, and why.
UNFIT = {
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 8.69): "the line is of one rank, the tokens of a smaller one",
    ("Qwen/Qwen3-235B-A22B-FP8", 8.11): "the line is of one rank, the tokens of a smaller one",
    ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", 10.65): "ranks differ by 0.3 %",
    ("RedHatAI/gemma-4-31B-it-FP8-Dynamic", 10.12): "0.2 % off: a fork whose drafter shares the target's cache",
    ("RedHatAI/gemma-4-31B-it-FP8-block", 16.0): "the pool was given by hand and the batch is not told",
}


def unfit(record: dict[str, Any]) -> bool:
    return (record["model"], record["available_kv_gib"]) in UNFIT


def logged(record: dict[str, Any]) -> bool:
    printed = record["kv_cache_tokens"] or record["gpu_blocks"] or record["max_concurrency"]
    return bool(printed and record["available_kv_gib"] and has_numbers(record))


LOGGED = [record for record in RECORDS if logged(record) and not unfit(record)]


def test_every_exception_is_of_a_record() -> None:
    known = {(record["model"], record["available_kv_gib"]) for record in RECORDS if logged(record)}
    assert set(UNFIT) <= known


@pytest.mark.parametrize("record", LOGGED, ids=name)
def test_blocks_and_concurrency_of_a_logged_start_follow_from_its_free_memory(record: dict[str, Any]) -> None:
    layout = layout_of(record)
    low, high = ((record["available_kv_gib"] + side * ROUNDING_GIB) * GIB for side in (-1, 1))
    # Decode context parallelism spreads the tokens over several GPUs; one log says so by its tokens only.
    contexts = extra(record, "dcp") or 1
    if record["gpu_blocks"]:
        assert layout.blocks(low) <= record["gpu_blocks"] <= layout.blocks(high)
    if record["max_concurrency"]:
        least, most = layout.concurrency(low) * contexts, layout.concurrency(high) * contexts
        assert least - 0.005 <= record["max_concurrency"] <= most + 0.005
    if record["kv_cache_tokens"]:
        # Until about 0.20 vLLM printed blocks // groups x the smallest block, since then concurrency x max_model_len.
        ranges = [
            (layout.blocks(low) // layout.groups * 16 * contexts, layout.blocks(high) // layout.groups * 16 * contexts),
            (layout.tokens(low) * contexts, layout.tokens(high) * contexts),
        ]
        assert any(least <= record["kv_cache_tokens"] <= most for least, most in ranges), ranges


def test_enough_starts_of_every_kind_are_compared() -> None:
    kinds = [architecture(record) for record in LOGGED]
    assert len(LOGGED) >= 39
    assert sum(1 for kind in kinds if kind.latent) >= 5
    assert sum(1 for kind in kinds if kind.sliding) >= 6
    assert sum(1 for kind in kinds if kind.linear) >= 4


@pytest.mark.parametrize("record", [r for r in RECORDS if extra(r, "estimated_max_len") and not unfit(r)], ids=name)
def test_the_longest_request_that_vllm_proposed_is_the_longest_that_fits(record: dict[str, Any]) -> None:
    proposed = extra(record, "estimated_max_len")
    low, high = ((record["available_kv_gib"] + side * ROUNDING_GIB) * GIB for side in (-1, 1))
    assert layout_of(record, proposed).starts(high)
    assert not layout_of(record, proposed + 16 * 3).starts(low)


BUDGETED = [
    record
    for record in RECORDS
    if record["gpu_memory_gib"]
    and record["gpu_memory_utilization"]
    and record["model_loading_gib"]
    and record["available_kv_gib"]
    and has_numbers(record)
]
# Model and free memory -> why the log cannot be met.
UNTOLD = {
    ("openai/gpt-oss-120b", 3.33): "the table's utilization cannot give this number; 0.95 does",
    ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", 28.2): "fewer requests at once than the default, not told",
    ("google/gemma-3-27b-it", 18.03): "the log tells neither the vocabulary of 262,144 nor the encoder",
    ("Qwen/Qwen2.5-0.5B-Instruct-AWQ", 3.88): "fewer requests at once than the default, not told",
}


@pytest.mark.parametrize("record", BUDGETED, ids=name)
def test_free_memory_is_estimated_within_a_gib_or_a_twentieth(record: dict[str, Any]) -> None:
    budget = estimate(checkpoint_of(record, record["model_loading_gib"]), gpu_of(record), demand_of(record))
    residual = budget.available_gib - record["available_kv_gib"]
    print(f"{name(record)}, {version(record).name}: {record['available_kv_gib']} logged, {residual:+.2f} GiB")
    within = abs(residual) <= max(1.0, 0.05 * record["available_kv_gib"])
    assert within != ((record["model"], record["available_kv_gib"]) in UNTOLD)


def outcomes() -> list[dict[str, Any]]:
    return [
        record
        for record in RECORDS
        if record["outcome"] in ("refused", "oom")
        and record["gpu_memory_gib"]
        and has_numbers(record)
        and record["gpu_memory_utilization"]
        # vLLM 0.8.3 counted the memory of another process on the same GPU.
        and record["model"] != "Qwen/Qwen2.5-0.5B-Instruct-AWQ"
    ]


# Bytes of the files, in GiB, where the start ended before it said what it loaded.
FILES_GIB = {
    "deepseek-ai/DeepSeek-R1": 641.0,
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": 202.6,
    "Qwen/Qwen3-VL-30B-A3B-Instruct": 58.0,
}


@pytest.mark.parametrize("record", outcomes(), ids=name)
def test_a_start_that_failed_is_never_called_ok(record: dict[str, Any]) -> None:
    loaded = record["model_loading_gib"] or FILES_GIB.get(record["model"], 0.0) / record["tp"]
    assert assess(checkpoint_of(record, loaded), gpu_of(record), demand_of(record)).verdict != "ok"
