"""From a Hugging Face `config.json` to the numbers of a lock file."""

from collections.abc import Mapping
from typing import Any, Final

from components.model.architecture import (
    Architecture,
    ChunkedAttention,
    Experts,
    LatentAttention,
    LinearAttention,
    Mamba,
    SlidingWindow,
)
from components.model.layer_kinds import layer_kinds
from components.model.lock import Quantisation

# Where configurations of multimodal models keep the language model's part.
NESTED: Final = ("text_config", "llm_config", "language_config", "thinker_config")
# The same number under the names of different families; vLLM reads them in this order.
LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HIDDEN: Final = ("hidden_size", "n_embd", "d_model")
HEADS: Final = ("num_attention_heads", "n_head", "n_heads")
KV_HEADS: Final = ("n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num", "num_attention_groups")
HEAD_DIM: Final = ("head_dim", "hidden_size_per_head")
POSITIONS: Final = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length")
INTERMEDIATE: Final = ("intermediate_size", "ffn_dim", "n_inner")
DRAFT_LAYERS: Final = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers")
EXPERTS: Final = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
ACTIVE_EXPERTS: Final = ("num_experts_per_tok", "experts_per_token", "top_k_experts", "moe_topk", "moe_top_k")
STATE_DTYPES: Final = ("mamba_ssm_dtype", "mamba_ssm_cache_dtype")
BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
# Recurrent states that are kept in 32 bit unless the configuration says otherwise; all others follow the model.
WIDE_STATES: Final = ("nemotron_h", "nemotron_h_puzzle", "kimi_linear")


def language_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The language model's part of a configuration, with what only the outer part says."""
    for key in NESTED:
        inner = config.get(key)
        if isinstance(inner, Mapping):
            return language_part({**_outer(config), **inner})
    return config


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """The architecture that a `config.json` describes.

    Raises:
        ValueError: a number is missing, or layers of a kind that nobody here knows occur.
    """
    text = language_part(config)
    layers, heads, hidden = _number(text, LAYERS), _number(text, HEADS), _number(text, HIDDEN)
    kinds = layer_kinds(text, layers)
    return Architecture(
        model_type=text.get("model_type") or config.get("model_type") or "unknown",
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_dim=_first(text, HEAD_DIM) or hidden // heads,
        vocab_size=_number(text, ("vocab_size",)),
        max_position_embeddings=_number(text, POSITIONS),
        global_kv_heads=text.get("num_global_key_value_heads"),
        global_head_dim=text.get("global_head_dim"),
        intermediate_size=_intermediate(text),
        layers_without_kv=kinds["none"],
        draft_layers=_first(text, DRAFT_LAYERS) or 0,
        parallel_state=kinds["parallel"] > 0,
        sliding=_sliding(text, kinds["sliding"]),
        chunked=ChunkedAttention(layers=kinds["chunked"], chunk=text["attention_chunk_size"])
        if kinds["chunked"]
        else None,
        latent=_latent(text),
        linear=_linear(text, kinds["linear"]),
        mamba=_mamba(text, kinds["mamba"] + kinds["parallel"]),
        experts=_experts(text),
        multimodal=any(key.startswith(("vision_", "audio_", "visual")) for key in config),
    )


def quantisation_of(config: Mapping[str, Any]) -> Quantisation:
    """How the weights are stored, as `quantization_config` says.

    Raises:
        ValueError: a method that is not known here.
    """
    found = config.get("quantization_config") or next(
        (config[key].get("quantization_config") for key in NESTED if key in config), None
    )
    if not found:
        return Quantisation(method="none", bits=32 if config.get("torch_dtype") == "float32" else 16)
    method = found["quant_method"]
    if method == "compressed-tensors":
        weights = next(iter(found["config_groups"].values()))["weights"]
        return Quantisation(method="compressed-tensors", bits=weights["num_bits"])
    known = {"awq": found.get("bits", 4), "gptq": found.get("bits", 4), "fp8": 8, "mxfp4": 4}
    if method not in known:
        raise ValueError(f"quant_method {method!r} is not known; use one of {', '.join(known)}")
    return Quantisation(method=method, bits=known[method])


def _outer(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not isinstance(value, Mapping)}


def _first(text: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first of several names that has a number; 0 and null count as absent."""
    return next((text[name] for name in names if text.get(name)), None)


def _number(text: Mapping[str, Any], names: tuple[str, ...]) -> int:
    found = _first(text, names)
    if found is None:
        raise ValueError(f"config.json has no {names[0]!r}; write the architecture by hand")
    return found


def _kv_heads(text: Mapping[str, Any], heads: int) -> int:
    """Falcon's `multi_query` means one head, unless its newer architecture names their number."""
    if text.get("multi_query") and not text.get("new_decoder_architecture") and not text.get("multi_query_attention"):
        return 1
    return _first(text, KV_HEADS) or heads


def _intermediate(text: Mapping[str, Any]) -> int | None:
    found = _first(text, INTERMEDIATE)
    return max(found) if isinstance(found, list) else found


def _sliding(text: Mapping[str, Any], layers: int) -> SlidingWindow | None:
    if not layers:
        return None
    window = _first(text, ("sliding_window", "sliding_window_size", "window_size"))
    if window is None:
        raise ValueError("config.json has sliding layers and no 'sliding_window'; write the architecture by hand")
    return SlidingWindow(layers=layers, window=window)


def _latent(text: Mapping[str, Any]) -> LatentAttention | None:
    if not text.get("kv_lora_rank"):
        return None
    return LatentAttention(
        kv_lora_rank=text["kv_lora_rank"],
        qk_rope_head_dim=_number(text, ("qk_rope_head_dim",)),
        index_head_dim=text.get("index_head_dim"),
    )


def _state_bytes(text: Mapping[str, Any]) -> int:
    told = next((text[name] for name in STATE_DTYPES if text.get(name) in BYTES), None)
    if told is None:
        told = "float32" if text.get("model_type") in WIDE_STATES else "bfloat16"
    return BYTES[told]


def _linear(text: Mapping[str, Any], layers: int) -> LinearAttention | None:
    """Gated delta networks (Qwen3-Next), KDA (Kimi Linear), or lightning attention (MiniMax)."""
    if not layers:
        return None
    if delta := text.get("linear_attn_config"):
        heads, size = delta["num_heads"], delta["head_dim"]
        return LinearAttention.model_validate(
            {
                "layers": layers,
                "key_heads": heads,
                "value_heads": heads,
                "key_head_dim": size,
                "value_head_dim": size,
                "conv_kernel": delta["short_conv_kernel_size"],
                "state_bytes": _state_bytes({"model_type": "kimi_linear", **text}),
            }
        )
    if text.get("attn_type_list"):
        heads, size = _number(text, HEADS), _number(text, HEAD_DIM)
        return LinearAttention.model_validate(
            {
                "layers": layers,
                "key_heads": heads,
                "value_heads": heads,
                "key_head_dim": size,
                "value_head_dim": size,
                "conv_kernel": 1,
                "state_bytes": _state_bytes(text),
            }
        )
    return LinearAttention.model_validate(
        {
            "layers": layers,
            "key_heads": _number(text, ("linear_num_key_heads",)),
            "value_heads": _number(text, ("linear_num_value_heads",)),
            "key_head_dim": _number(text, ("linear_key_head_dim",)),
            "value_head_dim": _number(text, ("linear_value_head_dim",)),
            "conv_kernel": _number(text, ("linear_conv_kernel_dim",)),
            "state_bytes": _state_bytes(text),
        }
    )


def _mamba(text: Mapping[str, Any], layers: int) -> Mamba | None:
    """Mamba-2 in the names of Nemotron-H or Granite, Mamba-1 (Jamba), or short convolutions (LFM2)."""
    if not layers:
        return None
    if columns := text.get("conv_L_cache"):
        channels = text.get("conv_dim") or _number(text, HIDDEN)
        shape = {"heads": channels, "head_dim": 1, "groups": 0, "state_size": 0, "conv_kernel": columns}
    elif heads := _first(text, ("mamba_num_heads", "mamba_n_heads")):
        size = _first(text, ("mamba_head_dim", "mamba_d_head"))
        if not isinstance(size, int):
            size = _number(text, HIDDEN) * text.get("mamba_expand", 2) // heads
        shape = {
            "heads": heads,
            "head_dim": size,
            "groups": _number(text, ("n_groups", "mamba_n_groups")),
            "state_size": _number(text, ("ssm_state_size", "mamba_d_state")),
            "conv_kernel": _number(text, ("conv_kernel", "mamba_d_conv")),
        }
    else:
        shape = {
            "heads": _number(text, HIDDEN) * text.get("mamba_expand", 2),
            "head_dim": 1,
            "groups": 0,
            "state_size": _number(text, ("mamba_d_state", "ssm_state_size")),
            "conv_kernel": _number(text, ("mamba_d_conv", "conv_kernel")),
        }
    return Mamba.model_validate({"layers": layers, "state_bytes": _state_bytes(text), **shape})


def _experts(text: Mapping[str, Any]) -> Experts | None:
    total, active = _first(text, EXPERTS), _first(text, ACTIVE_EXPERTS)
    return Experts(total=total, active=active) if isinstance(total, int) and isinstance(active, int) else None
