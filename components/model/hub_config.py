"""From a Hugging Face `config.json` to the numbers of a lock file."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from components.model.architecture import Architecture, Experts, LatentAttention, LinearAttention, Mamba, SlidingWindow
from components.model.lock import Quantisation

# Where configurations of multimodal models keep the language model's part.
NESTED: Final = ("text_config", "llm_config", "language_config")


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """The architecture that a `config.json` describes.

    Raises:
        ValueError: a number is missing, or layers of a kind that nobody here knows occur.
    """
    text = next((config[key] for key in NESTED if key in config), config)
    try:
        heads = text["num_attention_heads"]
        kinds = _layer_kinds(text)
        return Architecture(
            model_type=text.get("model_type", config.get("model_type")),
            layers=text["num_hidden_layers"],
            hidden_size=text["hidden_size"],
            attention_heads=heads,
            kv_heads=text.get("num_key_value_heads") or heads,
            head_dim=text.get("head_dim") or text["hidden_size"] // heads,
            vocab_size=text["vocab_size"],
            max_position_embeddings=text["max_position_embeddings"],
            global_kv_heads=text.get("num_global_key_value_heads"),
            global_head_dim=text.get("global_head_dim"),
            layers_without_kv=kinds["none"] + (text.get("num_kv_shared_layers") or 0),
            sliding=SlidingWindow(layers=kinds["sliding"], window=text["sliding_window"]) if kinds["sliding"] else None,
            latent=_latent(text),
            linear=_linear(text, kinds["linear"]),
            mamba=_mamba(text, kinds["mamba"]),
            experts=_experts(text),
            multimodal=any(key in config for key in ("vision_config", "audio_config")),
        )
    except KeyError as error:
        raise ValueError(f"config.json has no {error.args[0]!r}; write the architecture by hand") from None


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
        return Quantisation(method="fp8" if weights["type"] == "float" else "gptq", bits=weights["num_bits"])
    known = {"awq": found.get("bits", 4), "gptq": found.get("bits", 4), "fp8": 8, "mxfp4": 4}
    if method not in known:
        raise ValueError(f"quant_method {method!r} is not known; use one of {', '.join(known)}")
    return Quantisation(method=method, bits=known[method])


def _layer_kinds(text: Mapping[str, Any]) -> Counter[str]:
    """Number of layers of each kind; `layer_types` is the truth, the patterns of older configurations the fallback."""
    layers = text["num_hidden_layers"]
    names = {
        "full_attention": "full",
        "sliding_attention": "sliding",
        "linear_attention": "linear",
        "attention": "full",
        "mamba": "mamba",
        "moe": "none",
        "mlp": "none",
    }
    if types := text.get("layer_types") or text.get("layers_block_type"):
        if unknown := set(types) - set(names):
            raise ValueError(f"layers of kind {sorted(unknown)[0]!r} are not known; write the architecture by hand")
        return Counter(names[kind] for kind in types)
    if pattern := text.get("hybrid_override_pattern"):
        return Counter({"M": "mamba", "*": "full"}.get(letter, "none") for letter in pattern)
    if interval := text.get("full_attention_interval"):
        return Counter(full=layers // interval, linear=layers - layers // interval)
    if text.get("sliding_window") and (pattern := text.get("sliding_window_pattern")):
        return Counter(full=layers // pattern, sliding=layers - layers // pattern)
    if text.get("sliding_window") and text.get("use_sliding_window", True) and text.get("model_type") == "mistral":
        return Counter(sliding=layers)
    return Counter(full=layers)


def _latent(text: Mapping[str, Any]) -> LatentAttention | None:
    if not text.get("kv_lora_rank"):
        return None
    return LatentAttention(
        kv_lora_rank=text["kv_lora_rank"],
        qk_rope_head_dim=text["qk_rope_head_dim"],
        index_head_dim=text.get("index_head_dim"),
    )


def _linear(text: Mapping[str, Any], layers: int) -> LinearAttention | None:
    if not layers:
        return None
    return LinearAttention(
        layers=layers,
        key_heads=text["linear_num_key_heads"],
        value_heads=text["linear_num_value_heads"],
        key_head_dim=text["linear_key_head_dim"],
        value_head_dim=text["linear_value_head_dim"],
        conv_kernel=text["linear_conv_kernel_dim"],
        state_bytes=2 if text.get("mamba_ssm_dtype") in ("bfloat16", "float16") else 4,
    )


def _mamba(text: Mapping[str, Any], layers: int) -> Mamba | None:
    if not layers:
        return None
    return Mamba(
        layers=layers,
        heads=text["mamba_num_heads"],
        head_dim=text["mamba_head_dim"],
        groups=text["n_groups"],
        state_size=text["ssm_state_size"],
        conv_kernel=text["conv_kernel"],
    )


def _experts(text: Mapping[str, Any]) -> Experts | None:
    total = next((text[key] for key in ("num_local_experts", "num_experts", "n_routed_experts") if text.get(key)), None)
    active = next(
        (text[key] for key in ("num_experts_per_tok", "experts_per_token", "top_k_experts") if text.get(key)), None
    )
    return Experts(total=total, active=active) if total and active else None
