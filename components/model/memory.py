"""Where one GPU's memory goes: weights, workspace, and what remains for the KV cache."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

from components.catalog.instances import Gpu
from components.model.kv_cache import CacheLayout, cache_layout
from components.model.lock import ModelLock

GIB: Final = 2**30
# Below compute capability 8.0: vLLM refuses bfloat16 there.
WITHOUT_BFLOAT16: Final = frozenset({"T4", "T4g", "V100"})
# The profiling run peaks in the sampler: so many copies of max_num_seqs x vocabulary x 4 bytes.
# Source: start-up logs, 9.6 to 9.9 up to vLLM 0.11 and 5.8 in 0.26 (tests/model/data/kv_records.jsonl).
SAMPLER_COPIES: Final = 6
# 16-bit activations of one token that live at once, in multiples of the hidden size.
HIDDEN_COPIES: Final = 10
# Source: the same logs; 0.13 to 0.25 GiB on one GPU, 0.5 to 0.6 GiB with NCCL.
NON_TORCH_GIB: Final = 0.15
NON_TORCH_PARALLEL_GIB: Final = 0.55
# CUDA graphs of 256 sequences: 1.11 GiB logged for 64 layers, about 0.7 for 28 to 32.
GRAPH_BASE_GIB: Final = 0.3
GRAPH_LAYER_GIB: Final = 0.0127
# The encoder of a multimodal model with its largest input.
ENCODER_GIB: Final = 1.0

Verdict = Literal["fits", "tight", "refused"]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """How the model shall be served.

    Attributes:
        gpus: tensor-parallel size.
        max_model_len: longest request in tokens.
        max_num_seqs: requests that run at once.
        kv_cache_dtype: `auto` (16 bit) or `fp8`.
        gpu_memory_utilization: share of the device's memory that the engine may take.
    """

    gpus: int
    max_model_len: int
    max_num_seqs: int
    kv_cache_dtype: str
    gpu_memory_utilization: float

    @property
    def element_bytes(self) -> int:
        """Bytes of one cached number."""
        return 1 if self.kv_cache_dtype.startswith("fp8") else 2


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """One GPU's memory, in GiB, and the verdict.

    From `kv_available_gib` on the arithmetic is the engine's own; activation, non-torch and graph terms are estimates
    from logs, and equal starts differ by up to 3 % of the cache.

    Attributes:
        kv_needed_gib: what one request of `max_model_len` tokens takes.
        tokens: concurrency x max_model_len, as vLLM prints it since 0.21.
        concurrency: requests of `max_model_len` tokens that fit at once.
        longest_request: tokens of the longest request that would fit.
        larger_machine_helps: whether more or larger GPUs solve a refusal.
        problem: one line that names the way out; empty when the verdict is "fits".
    """

    gpu: str
    gpus: int
    requested_gib: float
    weights_gib: float
    activation_gib: float
    non_torch_gib: float
    graphs_gib: float
    kv_available_gib: float
    kv_needed_gib: float
    kv_bytes_per_token: int
    block_tokens: int
    blocks: int
    tokens: int
    concurrency: float
    longest_request: int
    verdict: Verdict
    larger_machine_helps: bool
    problem: str


def default_batched_tokens(gpu: Gpu) -> int:
    """Tokens of one step that vLLM's API server chooses for a device.

    Source: vLLM 0.33, batch defaults of `EngineArgs`.
    """
    if gpu.memory_gib_usable >= 160:
        return 16384
    return 8192 if gpu.memory_gib_usable >= 70 and not gpu.name.startswith("A100") else 2048


def weights_gib(lock: ModelLock, gpus: int) -> float:
    """Weights on each of `gpus` GPUs: the files' bytes, and what every GPU keeps whole or pads.

    Source: logs; 1.4 % more on two GPUs, 3.1 % on four, 5.5 % on eight, and MXFP4 another 6 %.
    """
    padded = 1.06 if lock.quantisation.method == "mxfp4" and gpus > 1 else 1.0
    return lock.weights_bytes / GIB / gpus * (1 + 0.01 * (gpus - 1)) * padded


def assess(lock: ModelLock, gpu: Gpu, demand: Demand) -> MemoryPlan:
    """The memory of one of `demand.gpus` GPUs under vLLM's defaults, and whether the engine would start."""
    architecture, gpus = lock.architecture, demand.gpus
    batched_tokens = max(default_batched_tokens(gpu), demand.max_num_seqs)
    requested = gpu.memory_gib_usable * demand.gpu_memory_utilization
    weights = weights_gib(lock, gpus)
    sampler = SAMPLER_COPIES * demand.max_num_seqs * architecture.vocab_size * 4
    activation = max(sampler, HIDDEN_COPIES * batched_tokens * architecture.hidden_size * 2) / GIB
    activation += ENCODER_GIB if architecture.multimodal else 0.0
    non_torch = NON_TORCH_GIB if gpus == 1 else NON_TORCH_PARALLEL_GIB
    graphs = GRAPH_BASE_GIB + GRAPH_LAYER_GIB * architecture.layers * min(demand.max_num_seqs, 512) / 256
    available = requested - weights - activation - non_torch - graphs

    def layout_for(length: int) -> CacheLayout:
        return cache_layout(
            architecture,
            gpus=gpus,
            element_bytes=demand.element_bytes,
            max_model_len=length,
            max_num_batched_tokens=batched_tokens,
        )

    layout = layout_for(demand.max_model_len)
    blocks = layout.blocks(available * GIB)
    longest = _longest(layout_for, blocks, architecture.max_position_embeddings)
    needed = layout.request_bytes / GIB
    verdict: Verdict = "refused"
    larger = False
    count = f"{gpus} GPU{'s' if gpus > 1 else ''} of {gpu.memory_gib_usable:.0f} GiB"
    if problem := _division_problem(lock, gpus) or _length_problem(lock, demand):
        pass
    elif lock.dtype == "bfloat16" and gpu.name in WITHOUT_BFLOAT16:
        larger, problem = True, f"{gpu.name} cannot compute in bfloat16"
    elif available <= 0:
        workspace = activation + non_torch + graphs
        larger, problem = True, f"{count} cannot hold {weights * gpus:.1f} GiB of weights"
        problem += f" and {workspace:.1f} GiB of workspace each" if weights < requested else ""
    elif needed > available:
        larger = True
        problem = (
            f"{count}: {available:.1f} GiB remain for the KV cache of each and one request of {demand.max_model_len} "
            f"tokens needs {needed:.1f} GiB; {_shorter(longest)}"
        )
        problem += ", set kv_cache_dtype: fp8" if demand.element_bytes == 2 and needed / 2 <= available else ""
    elif layout.has_state and demand.max_num_seqs > blocks:
        problem = f"max_num_seqs '{demand.max_num_seqs}' exceeds the {blocks} state blocks that fit; lower it"
    elif available - needed < max(1.0, 0.05 * gpu.memory_gib_usable):
        verdict = "tight"
        problem = (
            f"only {available - needed:.1f} GiB a GPU remain beside one request of {demand.max_model_len} tokens and a "
            "start may fail; lower max_model_len or max_num_seqs"
        )
    else:
        verdict = "fits"
    return MemoryPlan(
        gpu=gpu.name,
        gpus=gpus,
        requested_gib=requested,
        weights_gib=weights,
        activation_gib=activation,
        non_torch_gib=non_torch,
        graphs_gib=graphs,
        kv_available_gib=max(0.0, available),
        kv_needed_gib=needed,
        kv_bytes_per_token=layout.bytes_per_token,
        block_tokens=layout.block_tokens,
        blocks=blocks,
        tokens=layout.tokens(available * GIB),
        concurrency=layout.concurrency(available * GIB),
        longest_request=longest,
        verdict=verdict,
        larger_machine_helps=larger,
        problem=problem,
    )


def _division_problem(lock: ModelLock, gpus: int) -> str:
    heads, kv_heads = lock.architecture.attention_heads, lock.architecture.kv_heads
    if _divides(heads, kv_heads, gpus):
        return ""
    possible = [str(count) for count in (1, 2, 4, 8, 16) if _divides(heads, kv_heads, count)]
    return (
        f"{heads} attention heads and {kv_heads} key-value heads cannot be divided among {gpus} GPUs; "
        f"use gpus: {' or '.join(possible)}"
    )


def _divides(heads: int, kv_heads: int, gpus: int) -> bool:
    """Key-value heads are divided among GPUs, or each is repeated on the same number of them."""
    return heads % gpus == 0 and (kv_heads % gpus == 0 or gpus % kv_heads == 0)


def _length_problem(lock: ModelLock, demand: Demand) -> str:
    limit = lock.architecture.max_position_embeddings
    if demand.max_model_len <= limit:
        return ""
    return f"max_model_len '{demand.max_model_len}' is above the {limit} positions of {lock.name}; lower it to {limit}"


def _shorter(longest: int) -> str:
    return f"lower max_model_len to {longest}" if longest >= 128 else "no length fits"


def _longest(layout_for: Callable[[int], CacheLayout], blocks: int, limit: int) -> int:
    """Tokens of the longest request that fits into so many blocks, in whole blocks."""
    low, high = 0, limit
    while low < high:
        middle = ceil((low + high) / 2)
        low, high = (middle, high) if layout_for(middle).request_blocks <= blocks else (low, middle - 1)
    return low
