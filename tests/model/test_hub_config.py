"""Configurations of every kind of architecture, as the Hub has them, cut down to what the planner reads."""

from typing import Any

import pytest

from components.model.hub_config import architecture_of
from components.model.kv_cache import cache_layout

COMMON = {"hidden_size": 4096, "num_attention_heads": 32, "vocab_size": 128256, "max_position_embeddings": 131072}
GQA = {**COMMON, "num_key_value_heads": 8, "head_dim": 128}
# Configuration -> layers that keep keys and values of every token, of a window, of a chunk, a matrix, a Mamba state.
KINDS: dict[str, tuple[dict[str, Any], tuple[int, int, int, int, int]]] = {
    "llama": ({**GQA, "model_type": "llama", "num_hidden_layers": 32}, (32, 0, 0, 0, 0)),
    "gpt2": (
        {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257, "n_positions": 1024},
        (12, 0, 0, 0, 0),
    ),
    "mistral-v0.1": (
        {**GQA, "model_type": "mistral", "num_hidden_layers": 32, "sliding_window": 4096},
        (0, 32, 0, 0, 0),
    ),
    "mistral-v0.3": (
        {**GQA, "model_type": "mistral", "num_hidden_layers": 32, "sliding_window": None},
        (32, 0, 0, 0, 0),
    ),
    "qwen2": (
        {
            **GQA,
            "num_hidden_layers": 28,
            "sliding_window": 131072,
            "use_sliding_window": False,
            "max_window_layers": 28,
        },
        (28, 0, 0, 0, 0),
    ),
    "gemma2": ({**GQA, "model_type": "gemma2", "num_hidden_layers": 42, "sliding_window": 4096}, (21, 21, 0, 0, 0)),
    "gemma3": (
        {
            "vision_config": {},
            "text_config": {**GQA, "model_type": "gemma3_text", "num_hidden_layers": 62, "sliding_window": 1024},
        },
        (10, 52, 0, 0, 0),
    ),
    "gemma3n": (
        {
            **GQA,
            "num_hidden_layers": 10,
            "sliding_window": 512,
            "num_kv_shared_layers": 5,
            "layer_types": [*["sliding_attention"] * 4, "full_attention"] * 2,
        },
        (1, 4, 0, 0, 0),
    ),
    "gpt-oss": ({**GQA, "model_type": "gpt_oss", "num_hidden_layers": 24, "sliding_window": 128}, (12, 12, 0, 0, 0)),
    "cohere2": (
        {**GQA, "num_hidden_layers": 32, "sliding_window": 4096, "sliding_window_pattern": 4},
        (8, 24, 0, 0, 0),
    ),
    "llama4": (
        {"vision_config": {}, "text_config": {**GQA, "num_hidden_layers": 48, "attention_chunk_size": 8192}},
        (12, 0, 36, 0, 0),
    ),
    "qwen3-next": (
        {
            **GQA,
            "num_hidden_layers": 48,
            "full_attention_interval": 4,
            "linear_num_key_heads": 16,
            "linear_num_value_heads": 32,
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "linear_conv_kernel_dim": 4,
        },
        (12, 0, 0, 36, 0),
    ),
    "kimi-linear": (
        {
            **COMMON,
            "model_type": "kimi_linear",
            "num_hidden_layers": 4,
            "kv_lora_rank": 512,
            "qk_rope_head_dim": 64,
            "linear_attn_config": {
                "kda_layers": [1, 2, 3],
                "full_attn_layers": [4],
                "num_heads": 32,
                "head_dim": 128,
                "short_conv_kernel_size": 4,
            },
        },
        (1, 0, 0, 3, 0),
    ),
    "minimax-01": ({**GQA, "num_hidden_layers": 8, "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1]}, (1, 0, 0, 7, 0)),
    "nemotron-h": (
        {
            **GQA,
            "model_type": "nemotron_h",
            "num_hidden_layers": 7,
            "hybrid_override_pattern": "M-M*-ME",
            "mamba_num_heads": 128,
            "mamba_head_dim": 64,
            "n_groups": 8,
            "ssm_state_size": 128,
            "conv_kernel": 4,
        },
        (1, 0, 0, 0, 3),
    ),
    "granite-hybrid": (
        {
            **GQA,
            "num_hidden_layers": 4,
            "layer_types": ["mamba", "mamba", "mamba", "attention"],
            "mamba_n_heads": 128,
            "mamba_d_head": "auto",
            "mamba_expand": 2,
            "mamba_n_groups": 1,
            "mamba_d_state": 128,
            "mamba_d_conv": 4,
        },
        (1, 0, 0, 0, 3),
    ),
    "jamba": (
        {
            **GQA,
            "num_hidden_layers": 32,
            "attn_layer_period": 8,
            "attn_layer_offset": 4,
            "mamba_expand": 2,
            "mamba_d_state": 16,
            "mamba_d_conv": 4,
        },
        (4, 0, 0, 0, 28),
    ),
    "lfm2": (
        {**GQA, "num_hidden_layers": 3, "layer_types": ["conv", "conv", "full_attention"], "conv_L_cache": 3},
        (1, 0, 0, 0, 2),
    ),
    "bge": ({**COMMON, "model_type": "xlm-roberta", "num_hidden_layers": 24}, (0, 0, 0, 0, 0)),
}


@pytest.mark.parametrize("family", KINDS)
def test_layers_are_counted_by_what_they_keep(family: str) -> None:
    config, expected = KINDS[family]
    arch = architecture_of(config)
    kinds = (arch.sliding, arch.chunked, arch.linear, arch.mamba)
    assert (arch.full_layers, *(kind.layers if kind else 0 for kind in kinds)) == expected


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize("gpus", [1, 2])
def test_every_architecture_has_a_layout(family: str, gpus: int) -> None:
    arch = architecture_of(KINDS[family][0])
    layout = cache_layout(arch, gpus=gpus, element_bytes=2, max_model_len=8192, max_num_batched_tokens=2048)
    assert (layout.request_blocks > 0) == (family != "bge")
    assert layout.block_tokens % 16 == 0


def test_attention_and_state_side_by_side_are_both_kept() -> None:
    config = {
        **GQA,
        "model_type": "falcon_h1",
        "num_hidden_layers": 36,
        "mamba_n_heads": 32,
        "mamba_d_head": 64,
        "mamba_n_groups": 1,
        "mamba_d_state": 256,
        "mamba_d_conv": 4,
    }
    arch = architecture_of(config)
    assert (arch.layers, arch.full_layers, arch.mamba and arch.mamba.layers) == (36, 36, 36)


def test_states_are_as_wide_as_the_configuration_or_the_family_says() -> None:
    nemotron, jamba = (architecture_of(KINDS[family][0]).mamba for family in ("nemotron-h", "jamba"))
    assert nemotron
    assert jamba
    assert (nemotron.state_bytes, jamba.state_bytes) == (4, 2)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            {**GQA, "num_hidden_layers": 2, "layer_types": ["full_attention", "holographic"]},
            "'holographic' are not known",
        ),
        ({**GQA, "num_hidden_layers": 2, "hybrid_override_pattern": "M?"}, "'\\?' are not known"),
        ({**GQA, "model_type": "whisper", "num_hidden_layers": 2}, "an encoder and a decoder"),
        ({**GQA}, "has no 'num_hidden_layers'"),
        ({**GQA, "num_hidden_layers": 2, "layer_types": ["sliding_attention"] * 2}, "no 'sliding_window'"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_way_out(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        architecture_of(config)
