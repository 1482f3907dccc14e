from pathlib import Path
from typing import Any

import pytest

from components.catalog import instances
from components.catalog.instances import Gpu
from components.model.architecture import Architecture, LinearAttention
from components.model.lock import ModelLock, load_lock
from components.model.memory import Demand, MemoryPlan, checkpoint, weights_gib
from components.model.sizing import plan, smallest_machines

MODELS = Path(__file__).parents[2] / "models"
GIB = 2**30


def lock_of(name: str) -> ModelLock:
    return load_lock(MODELS / f"{name}.lock.yaml")


def gpu_of(machine: str) -> Gpu:
    gpu = instances.find(machine).gpu
    assert gpu
    return gpu


def planned(lock: ModelLock, machine: str, **changes: Any) -> MemoryPlan:
    wanted: dict[str, Any] = {
        "gpus": 1,
        "max_model_len": 8192,
        "max_num_seqs": 64,
        "kv_cache_dtype": "auto",
        "gpu_memory_utilization": 0.92,
    }
    return plan(lock, gpu_of(machine), **(wanted | changes))


def test_an_8b_model_in_16_bit_fits_on_one_large_gpu() -> None:
    memory = planned(lock_of("qwen3-8b"), "g6e.xlarge", max_model_len=32768)
    assert memory.verdict == "ok"
    assert memory.problem == ""
    assert memory.kv_bytes_per_token == 36 * 2 * 8 * 128 * 2


def test_parts_of_the_plan_add_up_to_what_is_requested() -> None:
    memory = planned(lock_of("qwen3-8b"), "g6e.xlarge")
    budget = memory.budget
    parts = budget.weights_gib + budget.activation_gib + budget.non_torch_gib + budget.graphs_gib
    assert budget.requested_gib == pytest.approx(parts + budget.available_gib)
    assert budget.requested_gib == pytest.approx(44.39 * 0.92)


def test_weights_that_do_not_fit_name_larger_machines_and_an_awq_lock() -> None:
    lock = lock_of("qwen3-8b").model_copy(update={"weights_bytes": int(61 * GIB)})
    memory = planned(lock, "g6.xlarge", region="eu-central-1")
    assert memory.verdict == "refuse"
    assert memory.problem.startswith("1 GPU of 22 GiB cannot hold 61.0 GiB of weights; use g")
    assert "an AWQ lock file" in memory.problem
    assert memory.problem.count("\n") == 0


def test_proposed_machines_are_offered_in_the_region_and_hold_the_model() -> None:
    demand = Demand(gpus=1, max_model_len=8192, max_num_seqs=64, kv_cache_dtype="auto", gpu_memory_utilization=0.92)
    for region in ("eu-central-1", "eu-west-1"):
        proposed = smallest_machines(checkpoint(lock_of("qwen3-8b")), demand, region, limit=5)
        assert proposed
        for placement in proposed:
            assert instances.offered_zones(placement.name, region)
            assert planned(lock_of("qwen3-8b"), placement.name, gpus=placement.gpus).verdict != "refuse"
    prices = [
        placement.usd_per_hour
        for placement in smallest_machines(checkpoint(lock_of("qwen3-8b")), demand, "eu-central-1", limit=9)
    ]
    known = [price for price in prices if price is not None]
    assert known == sorted(known)
    assert None not in prices[: len(known)]


def test_a_request_that_is_too_long_is_refused_with_the_longest_that_fits() -> None:
    memory = planned(lock_of("qwen3-8b"), "g6.xlarge", max_model_len=40960)
    assert memory.verdict == "refuse"
    assert f"max_model_len: {memory.longest_request}" in memory.suggestions
    assert planned(lock_of("qwen3-8b"), "g6.xlarge", max_model_len=memory.longest_request).verdict == "warn"
    assert planned(lock_of("qwen3-8b"), "g6.xlarge", max_model_len=memory.longest_request + 16).verdict == "refuse"


def test_an_fp8_cache_is_proposed_when_it_is_enough() -> None:
    memory = planned(lock_of("qwen3-8b"), "g6.xlarge", max_model_len=40000)
    assert "kv_cache_dtype: fp8" in memory.suggestions
    assert planned(lock_of("qwen3-8b"), "g6.xlarge", max_model_len=40000, kv_cache_dtype="fp8").verdict != "refuse"


def test_an_fp8_cache_holds_twice_the_tokens() -> None:
    sixteen = planned(lock_of("qwen3-8b"), "g6e.xlarge")
    eight = planned(lock_of("qwen3-8b"), "g6e.xlarge", kv_cache_dtype="fp8")
    assert eight.tokens == pytest.approx(2 * sixteen.tokens, rel=0.001)


@pytest.mark.parametrize("gpus", [3, 5, 6])
def test_heads_that_cannot_be_divided_are_refused(gpus: int) -> None:
    memory = planned(lock_of("qwen3-8b"), "g6.48xlarge", gpus=gpus)
    assert memory.verdict == "refuse"
    assert memory.problem.endswith("use gpus: 1 or 2 or 4 or 8 or 16")


def test_more_positions_than_the_model_has_are_refused() -> None:
    assert "above the 40960 positions" in planned(lock_of("qwen3-8b"), "g6e.xlarge", max_model_len=40961).problem


def test_bfloat16_is_refused_on_gpus_that_lack_it() -> None:
    memory = planned(lock_of("smollm2-135m-instruct"), "g4dn.xlarge")
    assert memory.verdict == "refuse"
    assert memory.problem.startswith("T4 cannot compute in bfloat16; use g")


def test_too_many_requests_for_state_blocks_are_refused() -> None:
    linear = LinearAttention(
        layers=48, key_heads=16, value_heads=48, key_head_dim=128, value_head_dim=128, conv_kernel=4
    )
    architecture = Architecture(
        model_type="qwen3_5",
        layers=64,
        hidden_size=5120,
        attention_heads=24,
        kv_heads=4,
        head_dim=256,
        vocab_size=248320,
        max_position_embeddings=262144,
        linear=linear,
    )
    lock = lock_of("qwen3-8b").model_copy(update={"architecture": architecture, "weights_bytes": int(28.51 * GIB)})
    memory = planned(lock, "g6e.xlarge", max_num_seqs=256, gpu_memory_utilization=0.9)
    # Logged on the same GPU: 8.82 GiB for the cache, 184 blocks, and the same refusal.
    assert memory.budget.available_gib == pytest.approx(8.82, rel=0.05)
    assert memory.blocks == pytest.approx(184, rel=0.05)
    assert memory.problem.startswith(f"max_num_seqs '256' exceeds the {memory.blocks} state blocks")
    assert planned(lock, "g6e.xlarge", max_num_seqs=16, gpu_memory_utilization=0.9).verdict != "refuse"


def test_weights_are_divided_with_some_overhead() -> None:
    lock = checkpoint(lock_of("qwen3-8b"))
    assert weights_gib(lock, 1) == pytest.approx(lock.weights_bytes / GIB)
    assert 1.0 < weights_gib(lock, 8) * 8 / weights_gib(lock, 1) < 1.08


def test_a_larger_gpu_never_makes_a_fitting_model_refused() -> None:
    rank = {"refuse": 0, "warn": 1, "ok": 2}
    for name in ("qwen3-8b", "qwen3-8b-awq", "gpt-oss-20b"):
        verdicts = [
            rank[planned(lock_of(name), machine).verdict] for machine in ("g6.xlarge", "g6e.xlarge", "p5.4xlarge")
        ]
        assert verdicts == sorted(verdicts)
        assert verdicts[-1] == 2
