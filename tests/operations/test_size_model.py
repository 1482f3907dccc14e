"""`cloister size` of one model: its contract with scripts, and what it says to wrong input."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.catalog.instances import find
from components.model.cold_start import cold_start
from components.model.lock import load_lock
from components.settings.load import ROOT
from operations.main import app, main

KEYS = {
    "verdict",
    "reasons",
    "suggestions",
    "weights_gib_per_gpu",
    "available_kv_gib",
    "kv_bytes_per_token",
    "block_size",
    "num_blocks",
    "max_concurrency",
    "longest_model_len",
    "budget",
    "cold_start",
}
QWEN = str(ROOT / "models" / "qwen3-8b.lock.yaml")
# Qwen3.8-27B as logged on an L40S: 16 full and 48 linear layers.
HYBRID = {
    "architectures": ["Qwen3_5ForConditionalGeneration"],
    "num_hidden_layers": 64,
    "num_key_value_heads": 4,
    "num_attention_heads": 24,
    "head_dim": 256,
    "hidden_size": 5120,
    "vocab_size": 248320,
    "full_attention_interval": 4,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 48,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
    "mamba_ssm_dtype": "float32",
}


def answer(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["size", *arguments, "--json"])
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if found["verdict"] == "refuse" else 0)
    return found


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["cloister", "size", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    return capsys.readouterr().err


def config_file(folder: Path, config: dict[str, Any]) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return str(path)


def test_the_answer_has_the_keys_that_scripts_rely_on() -> None:
    found = answer("--lock", QWEN, "--instance", "g6e.xlarge", "--max-model-len", "32768")
    assert set(found) == KEYS
    assert found["verdict"] == "ok"
    parts = [
        value for term, value in found["budget"].items() if term not in ("requested_gib", "cuda_graphs_beside_gib")
    ]
    assert found["budget"]["requested_gib"] == pytest.approx(sum(parts))


def test_a_start_is_told_part_by_part() -> None:
    start = answer("--lock", QWEN, "--instance", "g6e.xlarge", "--max-model-len", "32768")["cold_start"]
    made = cold_start(load_lock(Path(QWEN)).weights_bytes, find("g6e.xlarge"), node_waits=False)
    assert start == json.loads(json.dumps(asdict(made)))
    assert [phase["name"] for phase in start["phases"][:3]] == ["node joins", "image pull", "weights to the node"]
    assert start["low"] == pytest.approx(sum(phase["low"] for phase in start["phases"]))
    assert start["high"] == pytest.approx(sum(phase["high"] for phase in start["phases"]))
    assert all(phase["source"] for phase in start["phases"])


def test_of_gpus_without_a_machine_no_start_is_told() -> None:
    assert answer("--lock", QWEN, "--gpu-memory-gib", "44.4")["cold_start"] is None


def test_a_configuration_on_a_machine_has_a_start_as_well(tmp_path: Path) -> None:
    asked = ("--config", config_file(tmp_path, HYBRID), "--weights-gib", "28.5", "--max-model-len", "8192")
    start = answer(*asked, "--instance", "g6e.xlarge")["cold_start"]
    assert start == json.loads(json.dumps(asdict(cold_start(int(28.5 * 2**30), find("g6e.xlarge"), node_waits=False))))


def test_the_text_tells_the_start_as_well() -> None:
    asked = ["size", "--lock", QWEN, "--instance", "g6e.xlarge", "--max-model-len", "32768"]
    printed = CliRunner().invoke(app, asked).output
    assert "start from nothing" in printed
    assert "image pull" in printed


def test_a_logged_start_is_answered_block_by_block(tmp_path: Path) -> None:
    config = config_file(tmp_path, HYBRID)
    gpu = ("--gpu-memory-gib", "44.4", "--gpus", "1", "--vllm-version", "0.26.0")
    found = answer(
        "--config", config, "--weights-gib", "28.5", *gpu, "--available-kv-gib", "7.04", "--max-model-len", "131072"
    )
    assert (found["verdict"], found["num_blocks"], found["block_size"]) == ("refuse", 147, 784)
    assert found["longest_model_len"] == 112896
    assert "max_model_len: 112896" in found["suggestions"]
    more = answer(
        "--config",
        config,
        "--weights-gib",
        "28.5",
        *gpu,
        "--available-kv-gib",
        "9.75",
        "--max-model-len",
        "131072",
        "--max-num-seqs",
        "16",
    )
    assert (more["verdict"], round(more["max_concurrency"], 2)) == ("ok", 1.19)


def test_what_had_to_be_assumed_is_said_with_an_estimate_only(tmp_path: Path) -> None:
    config = config_file(tmp_path, {key: value for key, value in HYBRID.items() if key != "vocab_size"})
    asked = ("--config", config, "--weights-gib", "28.5", "--instance", "g6e.xlarge", "--max-model-len", "8192")
    assert any("vocab_size is not in config.json" in reason for reason in answer(*asked)["reasons"])
    assert answer(*asked, "--available-kv-gib", "9", "--max-num-seqs", "16")["reasons"] == []


def test_speculation_costs_a_draft_layer_and_more_state(tmp_path: Path) -> None:
    config = config_file(tmp_path, {**HYBRID, "mtp_num_hidden_layers": 1})
    asked = ("--config", config, "--weights-gib", "28.5", "--instance", "g6e.xlarge", "--available-kv-gib", "9.75")
    plain, drafted = (answer(*asked, "--num-speculative-tokens", count) for count in ("0", "2"))
    assert drafted["max_concurrency"] < plain["max_concurrency"]
    assert drafted["kv_bytes_per_token"] == plain["kv_bytes_per_token"] * 17 // 16


def test_pipeline_stages_halve_what_a_gpu_keeps() -> None:
    asked = ("--lock", QWEN, "--gpu-memory-gib", "44.4", "--gpus", "2")
    tensor = answer(*asked)
    stages = answer(*asked, "--pipeline-parallel", "2")
    assert tensor["kv_bytes_per_token"] == stages["kv_bytes_per_token"] == 36 * 2 * 8 * 128 * 2 // 2


def test_a_refusal_suggests_what_would_work() -> None:
    found = answer("--lock", QWEN, "--instance", "g6.xlarge", "--region", "eu-central-1")
    assert found["verdict"] == "refuse"
    for way in ("kv_cache_dtype: fp8", "gpus: 2 of the same kind", "an AWQ lock file"):
        assert way in found["suggestions"]
    shorter = ("--max-model-len", str(found["longest_model_len"]))
    assert answer("--lock", QWEN, "--instance", "g6.xlarge", *shorter)["verdict"] == "warn"


def test_a_sweep_lists_what_starts_the_cheapest_first() -> None:
    result = CliRunner().invoke(app, ["size", "--lock", QWEN, "--sweep", "--region", "eu-central-1", "--json"])
    rows = json.loads(result.stdout)
    started = [row for row in rows if row["verdict"] != "refuse"]
    priced = [row["usd_per_hour"] for row in started if row["usd_per_hour"] is not None]
    assert priced == sorted(priced)
    assert {row["verdict"] for row in rows[: len(started)]} <= {"ok", "warn"}
    assert all(row["tokens_in_cache"] > 0 for row in started)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a stack with --stack, or one model with --lock FILE or --config FILE"),
        (["--lock", QWEN], "name either --instance TYPE, or --gpu-memory-gib M with --gpus N"),
        (["--lock", QWEN, "--instance", "g6.huge"], "--instance: 'g6.huge' is no known machine type"),
        (["--lock", QWEN, "--instance", "m7i.large"], "--instance: 'm7i.large' has no GPU"),
        (["--lock", QWEN, "--instance", "g6.xlarge", "--gpus", "2"], "--gpus: '2' but g6.xlarge has 1"),
        (["--lock", QWEN, "--instance", "g6.xlarge", "--tensor-parallel", "4"], "are more than 1 GPUs"),
        (["--lock", QWEN, "--instance", "g6.xlarge", "--kv-cache-dtype", "fp9"], "'fp9' is not sized here"),
        (["--lock", QWEN, "--instance", "g6.xlarge", "--vllm-version", "new"], "'new' is no version of vLLM"),
        (["--config", QWEN, "--instance", "g6.xlarge"], "--weights-gib: missing"),
        (["--config", QWEN, "--weights-gib", "1", "--instance", "g6.xlarge"], "give the model's own config.json"),
        (["--config", "/nowhere", "--weights-gib", "1", "--instance", "g6.xlarge"], "'/nowhere' cannot be read"),
        (["--lock", QWEN, "--stack", "serving-dev"], "--stack: sizes all models of a stack; leave out --lock"),
        (["--lock", QWEN, "--usage", "logs=3"], "--usage are for a bill; name its --stack"),
        (["--lock", QWEN, "--sweep", "--region", "us-east-1"], "--region: 'us-east-1' has no price list here"),
    ],
)
def test_wrong_input_is_told_its_place_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert says in refusal(monkeypatch, capsys, *arguments)
