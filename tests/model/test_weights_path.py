"""The rule for how weights come to an engine, and the key of what it compiles."""

from pathlib import Path

import pytest

from components.catalog.instances import all_types
from components.model import engine_cache
from components.model.engine_cache import engine_cache_key
from components.model.lock import load_lock
from components.model.weights_path import choose_path, network_gb_per_second
from images.weights import engine_cache as image_side

LOCK = load_lock(Path(__file__).parents[2] / "models" / "qwen3-8b.lock.yaml")
IMAGE = "registry.example/vllm-openai@sha256:" + "a" * 64
LARGE = {"engine": "vllm", "weights_format": "safetensors", "weights_bytes": 134 * 10**9}
ARGUMENTS = ("/models/x", "--port=8000", "--max-model-len=8192", "--kv-cache-dtype=auto", "--tensor-parallel-size=1")


def test_every_machine_of_the_catalogue_has_a_line_that_can_be_read() -> None:
    for machine in all_types().values():
        assert 0 < network_gb_per_second(machine.network) < 1000
    with pytest.raises(ValueError, match="no line rate"):
        network_gb_per_second("fast")


def test_the_node_cache_is_the_default_because_it_checks_every_byte() -> None:
    chosen = choose_path(**LARGE, network="400 Gigabit", nvme_gb=8000)  # type: ignore[arg-type]
    assert chosen.path == "node-cache"
    assert "compared with the lock" in chosen.reasons[0]
    assert "streaming would save" in chosen.reasons[0]


def test_streaming_is_chosen_where_it_is_allowed_and_saves_enough() -> None:
    fast = choose_path(**LARGE, network="400 Gigabit", nvme_gb=8000, unverified_allowed=True)  # type: ignore[arg-type]
    slow = choose_path(**LARGE, network="10 Gigabit", nvme_gb=8000, unverified_allowed=True)  # type: ignore[arg-type]
    full = choose_path(**LARGE, network="10 Gigabit", nvme_gb=100, unverified_allowed=True)  # type: ignore[arg-type]
    assert (fast.path, slow.path, full.path) == ("runai-streamer", "node-cache", "runai-streamer")
    assert "saves" in fast.reasons[0]
    assert "every restart would pay" in slow.reasons[0]
    assert "do not hold 134 GB" in full.reasons[1]
    assert full.cache_seconds is full.restart_seconds is None


@pytest.mark.parametrize(("engine", "form"), [("llama-cpp", "gguf"), ("vllm", "gguf")])
def test_what_cannot_stream_never_does(engine: str, form: str) -> None:
    chosen = choose_path(
        engine=engine,
        weights_format=form,
        weights_bytes=10**11,
        network="400 Gigabit",
        nvme_gb=0,
        unverified_allowed=True,
    )
    assert (chosen.path, chosen.stream_seconds) == ("pod-disk", None)
    assert "pod-disk" in chosen.line()


def test_the_key_follows_whatever_compiled_code_depends_on() -> None:
    def key(revision: str = "a" * 40, **changes: object) -> str:
        wanted = {"engine_image": IMAGE, "gpu": "L4", "gpus": 1, "arguments": ARGUMENTS} | changes
        return engine_cache_key(LOCK.model_copy(update={"revision": revision}), **wanted)  # type: ignore[arg-type]

    same = key()
    assert key(arguments=reversed(ARGUMENTS)) == same
    assert key(arguments=(*ARGUMENTS, "--shutdown-timeout=9", "--served-model-name=other")) == same
    others = {
        key(engine_image=IMAGE[:-1] + "b"),
        key(gpu="L40S"),
        key(gpus=2),
        key(arguments=(*ARGUMENTS, "--enforce-eager")),
        key(arguments=[it.replace("8192", "4096") for it in ARGUMENTS]),
        engine_cache_key(
            LOCK.model_copy(update={"revision": "b" * 40}), engine_image=IMAGE, gpu="L4", gpus=1, arguments=ARGUMENTS
        ),
    }
    assert len(others | {same}) == 7
    with pytest.raises(ValueError, match="no digest"):
        key(engine_image="vllm:latest")


def test_both_sides_keep_caches_under_the_same_prefix() -> None:
    assert image_side.PREFIX == engine_cache.PREFIX
