"""Which kind of cache each layer of a `config.json` keeps."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

# What configurations call their layers -> what such a layer keeps.
NAMES: Final = {
    "full_attention": "full",
    "attention": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "linear",
    "mamba": "mamba",
    "mamba2": "mamba",
    "conv": "mamba",
    "moe": "none",
    "mlp": "none",
}
# One letter a layer, as in Nemotron-H's `hybrid_override_pattern`.
LETTERS: Final = {"M": "mamba", "*": "full", "-": "none", "E": "none"}
ENCODERS: Final = ("bert", "roberta", "xlm-roberta", "nomic_bert", "modernbert", "new", "gte", "distilbert")
ENCODER_DECODERS: Final = ("whisper", "t5", "bart", "mbart", "nemotron_parse")
# Families whose configurations, where they leave the pattern out, mean: every so many-th layer is full.
FULL_EVERY: Final = {"gpt_oss": 2, "gemma2": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4}
# Llama 4: every so many-th layer has no rotary positions and looks back at everything.
UNROTATED_EVERY: Final = 4


def layer_kinds(text: Mapping[str, Any], layers: int) -> Counter[str]:
    """How many layers keep what: full, sliding, chunked, linear, mamba, parallel (full and mamba in one) or none.

    `layer_types` is the truth, the patterns of older configurations are the fallback.

    Raises:
        ValueError: layers of a kind that nobody here knows, or a model that does not generate from a cache like others.
    """
    family = text.get("model_type", "")
    if family in ENCODER_DECODERS or text.get("is_encoder_decoder"):
        raise ValueError(f"{family or 'this model'} has an encoder and a decoder; such models are not served here")
    if family in ENCODERS:
        return Counter(none=layers)
    if family == "falcon_h1":
        # Counted once under layers, and once more by the state that works beside the attention.
        return Counter(parallel=layers)
    kinds = _listed(text, layers) or _patterned(text, layers)
    # Layers that read the cache of an earlier one keep none; they are the last ones.
    if shared := text.get("num_kv_shared_layers"):
        kinds = [*kinds[: layers - shared], *["none"] * shared]
    return Counter(kinds)


def _listed(text: Mapping[str, Any], layers: int) -> list[str]:
    """The kind of each layer where the configuration lists them."""
    if types := text.get("layer_types") or text.get("layers_block_type"):
        if unknown := sorted(set(types) - set(NAMES)):
            raise ValueError(f"layers of kind {unknown[0]!r} are not known; write the architecture by hand")
        kinds = [NAMES[kind] for kind in types]
        chunked = text.get("attention_chunk_size") and "chunked" not in kinds and "sliding" not in kinds
        return _unrotated(text, layers) if chunked else kinds
    if pattern := text.get("hybrid_override_pattern"):
        if unknown := sorted(set(pattern) - set(LETTERS)):
            raise ValueError(f"layers of kind {unknown[0]!r} are not known; write the architecture by hand")
        return [LETTERS[letter] for letter in pattern]
    if kimi := text.get("linear_attn_config"):
        # Numbered from 1.
        return ["linear" if number + 1 in kimi["kda_layers"] else "full" for number in range(layers)]
    if flags := text.get("attn_type_list"):
        return ["full" if flag else "linear" for flag in flags]
    if "attn_layer_indices" in text:
        return ["full" if number in text["attn_layer_indices"] else "mamba" for number in range(layers)]
    return []


def _patterned(text: Mapping[str, Any], layers: int) -> list[str]:
    """The kind of each layer where the configuration tells a rule, or the family has one."""
    if period := text.get("attn_layer_period"):
        offset = text.get("attn_layer_offset", 0)
        return ["full" if number % period == offset else "mamba" for number in range(layers)]
    if interval := text.get("full_attention_interval"):
        return ["linear" if (number + 1) % interval else "full" for number in range(layers)]
    if text.get("attention_chunk_size"):
        return _unrotated(text, layers)
    if not text.get("sliding_window") or text.get("use_sliding_window") is False:
        return ["full"] * layers
    every = text.get("sliding_window_pattern") or FULL_EVERY.get(text.get("model_type", ""))
    if isinstance(every, int):
        return ["sliding" if (number + 1) % every else "full" for number in range(layers)]
    # Qwen2 slides from a layer on, where it slides at all.
    first = text.get("max_window_layers", 0)
    return ["sliding" if number >= first else "full" for number in range(layers)]


def _unrotated(text: Mapping[str, Any], layers: int) -> list[str]:
    flags = text.get("no_rope_layers") or [(number + 1) % UNROTATED_EVERY for number in range(layers)]
    return ["chunked" if flag else "full" for flag in flags]
