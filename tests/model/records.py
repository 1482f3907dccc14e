"""Start-up logs of real engines as configurations and demands; every record names its source."""

import json
from pathlib import Path
from typing import Any, Final

from components.catalog.instances import Gpu
from components.model.architecture import Architecture
from components.model.engine_version import EngineVersion, engine_version
from components.model.hub_config import architecture_of
from components.model.kv_cache import CacheLayout, cache_layout
from components.model.memory import Checkpoint, Demand, default_seqs

GIB: Final = 2**30
RECORDS: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "kv_records.jsonl").read_text().splitlines()
]
# Logs that name no version, of builds whose messages were those of 0.21 to 0.26.
OLDER: Final = {
    "RedHatAI/gemma-4-31B-it-FP8-Dynamic": "0.20",
    "Qwen3.5/3.6-27B class (model_type qwen3_5_text)": "0.26",
}
# What a log leaves out and only the estimate needs: the smallest of today's vocabularies, and no limit of positions.
FILLED: Final = {"vocab_size": 131072, "max_position_embeddings": 2**20}


def name(record: dict[str, Any]) -> str:
    return f"{record['model'].split('/')[-1]}-tp{record['tp']}-{record['available_kv_gib']}-{record['max_model_len']}"


def extra(record: dict[str, Any], key: str) -> Any:
    return (record["extra"] or {}).get(key)


def version(record: dict[str, Any]) -> EngineVersion:
    """The version's behaviour; the first engine, which some later versions fell back to, kept whole windows."""
    if record["engine"] == "V0":
        return engine_version("0.7")
    told = record["vllm_version"] or OLDER.get(record["model"])
    return engine_version(None if told is None or told.startswith(("0.1.dev", "dev")) else told)


def architecture(record: dict[str, Any]) -> Architecture:
    config = {**FILLED, **{key: value for key, value in record["arch"].items() if value is not None}}
    kinds = config.pop("layer_types_count", None)
    if kinds:
        config["layer_types"] = [kind for kind, count in kinds.items() for _ in range(count)]
    config.setdefault("num_attention_heads", config.get("num_key_value_heads"))
    config.setdefault("hidden_size", config["num_attention_heads"] * config.get("head_dim", 1))
    if layers := extra(record, "num_speculative_layers"):
        config["num_nextn_predict_layers"] = layers
    return architecture_of(config)


def layout_of(record: dict[str, Any], max_model_len: int | None = None) -> CacheLayout:
    assumed = version(record)
    if extra(record, "prefix_caching"):
        assumed = engine_version("0.33")
    return cache_layout(
        architecture(record),
        gpus=record["tp"],
        element_bytes=1 if (record["kv_cache_dtype"] or "auto").startswith("fp8") else 2,
        max_model_len=max_model_len or record["max_model_len"] or 4096,
        max_num_batched_tokens=extra(record, "max_num_batched_tokens") or 2048,
        pipeline_stages=record["pp"] or 1,
        speculative_tokens=1 if extra(record, "num_speculative_layers") else 0,
        version=assumed,
    )


def has_numbers(record: dict[str, Any]) -> bool:
    """Whether the architecture is known well enough to compute its cache."""
    arch = record["arch"] or {}
    return "num_hidden_layers" in arch and ("num_key_value_heads" in arch or "kv_lora_rank" in arch)


def checkpoint_of(record: dict[str, Any], loaded_gib: float) -> Checkpoint:
    """The model, with files of the size that makes each GPU load what the log says."""
    share = 1 + 0.01 * (record["tp"] - 1)
    stages = record["pp"] or 1
    return Checkpoint(
        name=record["model"],
        architecture=architecture(record),
        weights_bytes=int(loaded_gib * record["tp"] * stages * GIB / share),
        padded=False,
        dtype="bfloat16",
    )


def gpu_of(record: dict[str, Any]) -> Gpu:
    memory = record["gpu_memory_gib"]
    return Gpu(name=(record["gpu"] or "GPU").removeprefix("NVIDIA "), memory_gib=memory, memory_gib_usable=memory)


def demand_of(record: dict[str, Any]) -> Demand:
    """What was asked for; before chunked prefill a step held the longest request."""
    first = record["engine"] == "V0"
    tokens = extra(record, "max_num_batched_tokens") or (max(2048, record["max_model_len"]) if first else None)
    return Demand(
        gpus=record["tp"],
        max_model_len=record["max_model_len"],
        max_num_seqs=extra(record, "max_num_seqs") or (256 if first else default_seqs(gpu_of(record))),
        kv_cache_dtype="fp8" if (record["kv_cache_dtype"] or "auto").startswith("fp8") else "auto",
        gpu_memory_utilization=record["gpu_memory_utilization"],
        pipeline_stages=record["pp"] or 1,
        max_num_batched_tokens=tokens,
        version=version(record),
    )
