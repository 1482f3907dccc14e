"""The layout beside vLLM's own code: 400 mixes of layers, asked for in one run of the real package."""

import json
import os
import random
import subprocess
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from components.model.architecture import Architecture, ChunkedAttention, LinearAttention, SlidingWindow
from components.model.kv_cache import cache_layout
from sandbox.places import rehearsal_folder

pytestmark = pytest.mark.servers

SCRIPT = Path(__file__).parent / "vllm_groups.py"
SEED = 20261126
CASES = 400
IN_FLIGHT = 2 * 2048


def mixes() -> list[tuple[Architecture, int]]:
    chance = random.Random(SEED)
    return [(mix(chance), chance.choice([1024, 4096, 30000, 131072])) for _ in range(CASES)]


def mix(chance: random.Random) -> Architecture:
    """Full layers with up to one other kind, which is how today's models are made; Gemma 4's full layers differ."""
    full, other = chance.randint(1, 48), chance.randint(1, 60)
    kind = chance.choice(["none", "sliding", "chunked", "state", "only sliding"])
    wide = kind == "sliding" and chance.random() < 0.4
    return Architecture(
        model_type="mixed",
        layers=(0 if kind == "only sliding" else full) + (0 if kind == "none" else other),
        hidden_size=4096,
        attention_heads=32,
        kv_heads=chance.choice([1, 2, 4, 8]),
        head_dim=chance.choice([64, 96, 128, 256]),
        vocab_size=128256,
        max_position_embeddings=2**20,
        global_kv_heads=chance.choice([1, 2, 4]) if wide else None,
        global_head_dim=chance.choice([128, 512]) if wide else None,
        sliding=SlidingWindow(layers=other, window=chance.choice([128, 1000, 4096])) if "sliding" in kind else None,
        chunked=ChunkedAttention(layers=other, chunk=8192) if kind == "chunked" else None,
        linear=LinearAttention(
            layers=other,
            key_heads=16,
            value_heads=chance.choice([16, 32, 48]),
            key_head_dim=128,
            value_head_dim=chance.choice([128, 192]),
            conv_kernel=4,
        )
        if kind == "state"
        else None,
    )


def layers_of(arch: Architecture) -> list[dict[str, Any]]:
    """The layers as vLLM's model code declares them, with the attention block that its platform code chooses."""
    heads, size = arch.global_kv_heads or arch.kv_heads, arch.global_head_dim or arch.head_dim
    full: dict[str, Any] = {"kind": "full", "kv_heads": heads, "head_dim": size, "block": 16}
    local = {"kv_heads": arch.kv_heads, "head_dim": arch.head_dim, "block": 16}
    listed = [full] * arch.full_layers
    if arch.sliding:
        listed = listed + [{**local, "kind": "sliding", "window": arch.sliding.window}] * arch.sliding.layers
    if arch.chunked:
        listed = listed + [{**local, "kind": "chunked", "chunk": arch.chunked.chunk}] * arch.chunked.layers
    if state := arch.linear:
        recurrent = state.value_heads * state.key_head_dim * state.value_head_dim * 4
        channels = 2 * state.key_heads * state.key_head_dim + state.value_heads * state.value_head_dim
        whole = recurrent + channels * 3 * 2
        token = 2 * arch.kv_heads * arch.head_dim * 2
        full["block"] = 16 * ceil(whole / (16 * token))
        page = full["block"] * token
        listed = listed + [{"kind": "state", "state_bytes": whole, "page": page}] * state.layers
    return listed


def test_blocks_groups_and_needs_are_those_that_vllm_computes() -> None:
    cases = mixes()
    asked = [{"layers": layers_of(arch), "max_model_len": length, "in_flight": IN_FLIGHT} for arch, length in cases]
    python = rehearsal_folder() / "vllm" / "bin" / "python"
    done = subprocess.run(
        [python, SCRIPT],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "VLLM_TARGET_DEVICE": "cpu", "VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for (arch, length), theirs in zip(cases, json.loads(done.stdout), strict=True):
        ours = cache_layout(arch, gpus=1, element_bytes=2, max_model_len=length, max_num_batched_tokens=2048)
        found = {"block_bytes": ours.block_bytes, "groups": ours.groups, "request_blocks": ours.request_blocks}
        assert found == theirs, arch
