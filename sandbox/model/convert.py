"""Turns a GGUF file of the Llama architecture into a Hugging Face folder in bfloat16, the same bytes everywhere."""

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandbox.model.gguf import Gguf, Tensor, dense, read_gguf

TOP: Final = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
PARTS: Final = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}
CONTROL_TOKEN: Final = 3


def convert(source: Path, folder: Path) -> None:
    """Writes `model.safetensors`, the tokenizer and the configuration files into a folder.

    Raises:
        ValueError: the file is not a Llama model in GGUF, or uses another tokenizer.
    """
    gguf = read_gguf(source)
    name, tokenizer = gguf.metadata["general.architecture"], gguf.metadata["tokenizer.ggml.pre"]
    if (name, tokenizer) != ("llama", "smollm"):
        raise ValueError(
            f"{source}: architecture {name!r} with tokenizer {tokenizer!r}; only llama with smollm is known"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write_weights(gguf, folder / "model.safetensors")
    for file, document in _documents(gguf).items():
        (folder / file).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_weights(gguf: Gguf, path: Path) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in gguf.tensors:
        start, end = end, end + 2 * int(np.prod(tensor.shape))
        header[_name(tensor)] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [start, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for tensor in gguf.tensors:
            file.write(_bfloat16(_rotary_order(gguf, tensor)).tobytes())


def _name(tensor: Tensor) -> str:
    if tensor.name in TOP:
        return TOP[tensor.name]
    _, layer, part, _ = tensor.name.split(".")
    return f"model.layers.{layer}.{PARTS[part]}.weight"


def _rotary_order(gguf: Gguf, tensor: Tensor) -> NDArray[np.float32]:
    """The tensor, with the interleaved rotary halves of queries and keys put back one after the other."""
    weights = dense(gguf, tensor)
    heads = {"attn_q": "head_count", "attn_k": "head_count_kv"}.get(tensor.name.split(".")[-2])
    if heads is None:
        return weights
    count = gguf.metadata[f"llama.attention.{heads}"]
    split = weights.reshape(count, weights.shape[0] // count // 2, 2, -1)
    return split.swapaxes(1, 2).reshape(weights.shape)


def _bfloat16(weights: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper half of each number, rounded to the nearest, ties to even."""
    bits = np.ascontiguousarray(weights, dtype="<f4").view("<u4")
    rounded: NDArray[np.uint16] = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return rounded


def _documents(gguf: Gguf) -> dict[str, dict[str, Any]]:
    """The folder's JSON files by name."""
    tokens, kinds = gguf.metadata["tokenizer.ggml.tokens"], gguf.metadata["tokenizer.ggml.token_type"]
    ids = {kind: gguf.metadata[f"tokenizer.ggml.{kind}_token_id"] for kind in ("bos", "eos", "unknown", "padding")}
    numbered = {"bos_token_id": ids["bos"], "eos_token_id": ids["eos"], "pad_token_id": ids["padding"]}
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytes_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}  # what `pre: smollm` means
    return {
        "config.json": _config(gguf) | numbered,
        "generation_config.json": numbered,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": gguf.metadata["llama.context_length"],
            "clean_up_tokenization_spaces": False,
            "chat_template": gguf.metadata["tokenizer.chat_template"],
            "bos_token": tokens[ids["bos"]],
            "eos_token": tokens[ids["eos"]],
            "unk_token": tokens[ids["unknown"]],
            "pad_token": tokens[ids["padding"]],
        },
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": number, "content": token} | special
                for number, token in enumerate(tokens)
                if kinds[number] == CONTROL_TOKEN
            ],
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, bytes_level]},
            "post_processor": None,
            "decoder": bytes_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "vocab": {token: number for number, token in enumerate(tokens)},
                "merges": gguf.metadata["tokenizer.ggml.merges"],
            },
        },
    }


def _config(gguf: Gguf) -> dict[str, Any]:
    llama = {key.removeprefix("llama."): value for key, value in gguf.metadata.items() if key.startswith("llama.")}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": llama["embedding_length"],
        "intermediate_size": llama["feed_forward_length"],
        "num_hidden_layers": llama["block_count"],
        "num_attention_heads": llama["attention.head_count"],
        "num_key_value_heads": llama["attention.head_count_kv"],
        "vocab_size": len(gguf.metadata["tokenizer.ggml.tokens"]),
        "max_position_embeddings": llama["context_length"],
        # Stored in 32 bit: 1e-05 comes back as 9.99999974e-06.
        "rms_norm_eps": round(llama["attention.layer_norm_rms_epsilon"], 12),
        "rope_theta": llama["rope.freq_base"],
        "hidden_act": "silu",
        "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in gguf.tensors),
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "bfloat16",
    }
