"""The settings section `models:`: which locked model is served by which engine, and how large."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from components.settings.common import SECTION, EntryName, Sha256

KvCacheDtype = Literal["auto", "fp8"]


class ModelService(BaseModel):
    """One model on a GPU pool of the cluster."""

    model_config = SECTION

    lock: EntryName
    engine: Literal["vllm"]
    node_pool: EntryName
    gpus: Annotated[int, Field(ge=1, le=16)] = 1
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    max_model_len: Annotated[int, Field(ge=128)]
    max_num_seqs: Annotated[int, Field(ge=1, le=4096)] = 256
    kv_cache_dtype: KvCacheDtype = "auto"
    gpu_memory_utilization: Annotated[float, Field(gt=0.1, le=0.98)] = 0.92
    start_seconds: Annotated[int, Field(ge=60, le=7200)] = 1800
    cold_start_seconds: Annotated[int, Field(ge=30, le=7200)] | None = None
    """The longest time from nothing to the first answer that its users accept; refused where none is that fast."""
    drain_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    stream_weights: bool = False
    """Whether the engine may read weights straight from S3 where that is faster; nobody compares them with the lock."""

    compile_cache_sha256: Sha256 | None = None
    """What `save-cache` of the loader image said, after somebody reviewed the run: it is code. None compiles anew."""


class EdgeModel(BaseModel):
    """One model on a single host; `gpus: 0` serves it from the processor."""

    model_config = SECTION

    lock: EntryName
    engine: Literal["llama-cpp", "vllm"]
    gpus: Annotated[int, Field(ge=0, le=16)] = 0
    max_model_len: Annotated[int, Field(ge=128)]
    max_num_seqs: Annotated[int, Field(ge=1, le=4096)] = 4
    kv_cache_dtype: KvCacheDtype = "auto"
    gpu_memory_utilization: Annotated[float, Field(gt=0.1, le=0.98)] = 0.92
    memory_gib: Annotated[int, Field(ge=1, le=4096)]
