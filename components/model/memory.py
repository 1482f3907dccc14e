"""Where one GPU's memory goes: weights, workspace, and what remains for the KV cache."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Final, Literal

from components.catalog.instances import Gpu
from components.model.architecture import Architecture
from components.model.engine_version import EngineVersion, engine_version
from components.model.kv_cache import CacheLayout, cache_layout
from components.model.lock import ModelLock

GIB: Final = 2**30
# Below compute capability 8.0: vLLM refuses bfloat16 there.
WITHOUT_BFLOAT16: Final = frozenset({"T4", "T4g", "V100"})
# 16-bit activations of one token that live at once: three of the hidden size and three of the feed-forward's share.
# Source: start-up logs of Llama 3.1 8B, 110 KB a token at 20,000 and at 29,000 tokens.
HIDDEN_COPIES: Final = 3
FEED_FORWARD_COPIES: Final = 3
# Feed-forward size in multiples of the hidden size where the numbers leave it out.
FEED_FORWARD_RATIO: Final = 4
# Source: the same logs; 0.06 to 0.35 GiB on one GPU, 0.11 to 0.55 GiB with NCCL.
NON_TORCH_GIB: Final = 0.15
NON_TORCH_PARALLEL_GIB: Final = 0.55
# CUDA graphs of 256 sequences: 1.11 GiB logged for 64 layers, about 0.7 for 28 to 32.
GRAPH_BASE_GIB: Final = 0.3
GRAPH_LAYER_GIB: Final = 0.0127
# The encoder of a multimodal model with its largest input.
ENCODER_GIB: Final = 1.0
# Free memory is known to so much at best: equal starts differ by 3 % of it.
UNSURE_GIB: Final = 1.0
UNSURE_SHARE: Final = 0.05

Verdict = Literal["ok", "warn", "refuse"]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What the arithmetic needs to know of a model.

    Attributes:
        name: for people.
        weights_bytes: of all tensors that are loaded.
        padded: the engine pads the weights where several GPUs share them (MXFP4).
        dtype: `bfloat16`, `float16` or `float32`.
    """

    name: str
    architecture: Architecture
    weights_bytes: int
    padded: bool
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Demand:
    """How the model shall be served.

    Attributes:
        gpus: tensor-parallel size.
        max_model_len: longest request in tokens.
        max_num_seqs: requests that run at once.
        kv_cache_dtype: `auto` (16 bit) or `fp8`.
        gpu_memory_utilization: share of the device's memory that the engine may take.
        pipeline_stages: groups of GPUs that hold some of the layers each.
        max_num_batched_tokens: tokens of one step; the engine's default for the device when None.
        speculative_tokens: tokens drafted ahead.
        version: of the engine.
        available_gib: free memory for the cache, where it is known; estimated when None.
    """

    gpus: int
    max_model_len: int
    max_num_seqs: int
    kv_cache_dtype: str
    gpu_memory_utilization: float
    pipeline_stages: int = 1
    max_num_batched_tokens: int | None = None
    speculative_tokens: int = 0
    version: EngineVersion = field(default_factory=engine_version)
    available_gib: float | None = None

    @property
    def element_bytes(self) -> int:
        """Bytes of one cached number."""
        return 1 if self.kv_cache_dtype.startswith("fp8") else 2


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One GPU's memory, term by term, in GiB; `available_gib` is what the others leave of `requested_gib`.

    Attributes:
        requested_gib: the device's memory times the utilization.
        graphs_gib: CUDA graphs where the version counts them, 0 where they come on top.
        graphs_beside_gib: CUDA graphs where they come on top of what is requested.
    """

    requested_gib: float
    weights_gib: float
    activation_gib: float
    non_torch_gib: float
    graphs_gib: float
    graphs_beside_gib: float
    available_gib: float


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """One GPU's memory and the verdict.

    From `available_gib` on the arithmetic is the engine's own; activation, non-torch and graph terms are estimates
    from logs, and equal starts differ by up to 3 % of the cache.

    Attributes:
        kv_needed_gib: what one request of `max_model_len` tokens takes.
        tokens: concurrency x max_model_len, as vLLM prints it since 0.21.
        concurrency: requests of `max_model_len` tokens that fit at once.
        longest_request: tokens of the longest request that would fit.
        larger_machine_helps: whether more or larger GPUs solve a refusal.
        reasons: why the verdict is not "ok", a line each.
        suggestions: what would work, a line each.
    """

    gpu: str
    gpus: int
    budget: Budget
    kv_needed_gib: float
    kv_bytes_per_token: int
    block_tokens: int
    blocks: int
    tokens: int
    concurrency: float
    longest_request: int
    verdict: Verdict
    larger_machine_helps: bool
    reasons: tuple[str, ...]
    suggestions: tuple[str, ...]

    @property
    def problem(self) -> str:
        """Reasons and ways out in one line; empty when the verdict is "ok"."""
        ways = f"; use {', or '.join(self.suggestions)}" if self.suggestions else ""
        return "; ".join(self.reasons) + ways if self.reasons else ""


def checkpoint(lock: ModelLock) -> Checkpoint:
    """The numbers of a lock file."""
    return Checkpoint(
        name=lock.name,
        architecture=lock.architecture,
        weights_bytes=lock.weights_bytes,
        padded=lock.quantisation.method == "mxfp4",
        dtype=lock.dtype,
    )


def default_batched_tokens(gpu: Gpu) -> int:
    """Tokens of one step that vLLM's API server chooses for a device.

    Source: vLLM 0.33, batch defaults of `EngineArgs`.
    """
    if gpu.memory_gib_usable >= 160:
        return 16384
    return 8192 if gpu.memory_gib_usable >= 70 and not gpu.name.startswith("A100") else 2048


def default_seqs(gpu: Gpu) -> int:
    """Requests at once that vLLM's API server chooses for a device; same source."""
    return 1024 if default_batched_tokens(gpu) > 2048 else 256


def weights_gib(model: Checkpoint, gpus: int, stages: int = 1) -> float:
    """Weights on each GPU: the files' bytes, and what every GPU keeps whole or pads.

    Source: logs; 1.4 % more on two GPUs, 3.1 % on four, 5.5 % on eight, and MXFP4 another 6 %.
    """
    padded = 1.06 if model.padded and gpus > 1 else 1.0
    return model.weights_bytes / GIB / gpus / stages * (1 + 0.01 * (gpus - 1)) * padded


def estimate(model: Checkpoint, gpu: Gpu, demand: Demand) -> Budget:
    """The memory of one GPU while the engine starts, under vLLM's defaults."""
    architecture, behaviour = model.architecture, demand.version
    requested = gpu.memory_gib_usable * demand.gpu_memory_utilization
    weights = weights_gib(model, demand.gpus, demand.pipeline_stages)
    sampler = behaviour.sampler_copies * demand.max_num_seqs * architecture.vocab_size * 4
    activation = max(sampler, batched_tokens(gpu, demand) * _token_bytes(architecture, demand.gpus)) / GIB
    activation += ENCODER_GIB if architecture.multimodal else 0.0
    non_torch = NON_TORCH_GIB if demand.gpus * demand.pipeline_stages == 1 else NON_TORCH_PARALLEL_GIB
    layers = ceil(architecture.layers / demand.pipeline_stages)
    graphs = GRAPH_BASE_GIB + GRAPH_LAYER_GIB * layers * min(demand.max_num_seqs, 512) / 256
    counted = graphs if behaviour.graphs_in_budget else 0.0
    left = requested - weights - activation - non_torch - counted
    return Budget(
        requested_gib=requested,
        weights_gib=weights,
        activation_gib=activation,
        non_torch_gib=non_torch,
        graphs_gib=counted,
        graphs_beside_gib=graphs - counted,
        available_gib=left if demand.available_gib is None else demand.available_gib,
    )


def batched_tokens(gpu: Gpu, demand: Demand) -> int:
    """Tokens of one step: as asked for, else the device's default, and never fewer than requests."""
    return max(demand.max_num_batched_tokens or default_batched_tokens(gpu), demand.max_num_seqs)


def assess(model: Checkpoint, gpu: Gpu, demand: Demand) -> MemoryPlan:
    """The memory of one of the GPUs, whether the engine would start, and if not, what would work."""
    budget = estimate(model, gpu, demand)
    available = budget.available_gib

    def layout_for(length: int, element_bytes: int = demand.element_bytes) -> CacheLayout:
        return cache_layout(
            model.architecture,
            gpus=demand.gpus,
            element_bytes=element_bytes,
            max_model_len=length,
            max_num_batched_tokens=batched_tokens(gpu, demand),
            pipeline_stages=demand.pipeline_stages,
            speculative_tokens=demand.speculative_tokens,
            version=demand.version,
        )

    layout = layout_for(demand.max_model_len)
    longest = _longest(layout_for, available * GIB, model.architecture.max_position_embeddings)
    needed = (layout.request_bytes + layout.reserved_blocks * layout.block_bytes) / GIB
    count = f"{demand.gpus} GPU{'s' if demand.gpus > 1 else ''} of {gpu.memory_gib_usable:.0f} GiB"
    verdict: Verdict = "refuse"
    larger, reasons, suggestions = False, [], []
    if found := _division_problem(model, demand.gpus) or _length_problem(model, demand):
        reasons, suggestions = [found[0]], [found[1]]
    elif model.dtype == "bfloat16" and gpu.name in WITHOUT_BFLOAT16:
        larger, reasons = True, [f"{gpu.name} cannot compute in bfloat16"]
    elif available <= 0:
        workspace = budget.requested_gib - budget.weights_gib - available
        larger, whole = True, budget.weights_gib * demand.gpus * demand.pipeline_stages
        beside = f" and {workspace:.1f} GiB of workspace each" if budget.weights_gib < budget.requested_gib else ""
        reasons = [f"{count} cannot hold {whole:.1f} GiB of weights{beside}"]
    elif not layout.starts(available * GIB):
        larger = True
        reasons = [
            f"{count}: {available:.1f} GiB remain for the KV cache of each and one request of {demand.max_model_len} "
            f"tokens needs {needed:.1f} GiB"
        ]
        suggestions = [f"max_model_len: {longest}"] if longest >= 128 else []
        halved = layout_for(demand.max_model_len, 1)
        suggestions += ["kv_cache_dtype: fp8"] if demand.element_bytes == 2 and halved.starts(available * GIB) else []
    elif layout.has_state and demand.max_num_seqs > layout.blocks(available * GIB):
        fit = layout.blocks(available * GIB)
        reasons = [f"max_num_seqs '{demand.max_num_seqs}' exceeds the {fit} state blocks that fit"]
        suggestions = [f"max_num_seqs: {fit}"]
    elif demand.available_gib is None and available - needed < max(UNSURE_GIB, UNSURE_SHARE * gpu.memory_gib_usable):
        verdict = "warn"
        reasons = [
            f"only {available - needed:.1f} GiB a GPU remain beside one request of {demand.max_model_len} tokens and a "
            "start may fail"
        ]
        suggestions = ["a lower max_model_len or max_num_seqs"]
    elif demand.available_gib is None and budget.requested_gib + budget.graphs_beside_gib > gpu.memory_gib_usable:
        verdict = "warn"
        reasons = [
            f"{budget.graphs_beside_gib:.1f} GiB of CUDA graphs come on top of {budget.requested_gib:.1f} GiB and the "
            f"GPU has {gpu.memory_gib_usable:.1f} GiB"
        ]
        suggestions = ["a lower gpu_memory_utilization"]
    else:
        verdict = "ok"
    return MemoryPlan(
        gpu=gpu.name,
        gpus=demand.gpus,
        budget=budget,
        kv_needed_gib=needed,
        kv_bytes_per_token=layout.bytes_per_token,
        block_tokens=layout.block_tokens,
        blocks=layout.blocks(available * GIB),
        tokens=layout.tokens(available * GIB) if layout.request_blocks else 0,
        concurrency=layout.concurrency(available * GIB),
        longest_request=longest,
        verdict=verdict,
        larger_machine_helps=larger,
        reasons=tuple(reasons),
        suggestions=tuple(suggestions),
    )


def _token_bytes(architecture: Architecture, gpus: int) -> int:
    """Activations of one token on one GPU; the feed-forward is divided among them, the hidden state is not."""
    feed_forward = architecture.intermediate_size or FEED_FORWARD_RATIO * architecture.hidden_size
    return 2 * (HIDDEN_COPIES * architecture.hidden_size + FEED_FORWARD_COPIES * feed_forward // gpus)


def _division_problem(model: Checkpoint, gpus: int) -> tuple[str, str] | None:
    heads, kv_heads = model.architecture.attention_heads, model.architecture.kv_heads
    if _divides(heads, kv_heads, gpus):
        return None
    possible = [str(count) for count in (1, 2, 4, 8, 16) if _divides(heads, kv_heads, count)]
    problem = f"{heads} attention heads and {kv_heads} key-value heads cannot be divided among {gpus} GPUs"
    return problem, f"gpus: {' or '.join(possible)}"


def _divides(heads: int, kv_heads: int, gpus: int) -> bool:
    """Key-value heads are divided among GPUs, or each is repeated on the same number of them."""
    return heads % gpus == 0 and (kv_heads % gpus == 0 or gpus % kv_heads == 0)


def _length_problem(model: Checkpoint, demand: Demand) -> tuple[str, str] | None:
    limit = model.architecture.max_position_embeddings
    if demand.max_model_len <= limit:
        return None
    return (
        f"max_model_len '{demand.max_model_len}' is above the {limit} positions of {model.name}",
        f"max_model_len: {limit}",
    )


def _longest(layout_for: Callable[[int], CacheLayout], available_bytes: float, limit: int) -> int:
    """Tokens of the longest request that fits; 0 when none does."""
    low, high = 0, limit
    while low < high:
        middle = ceil((low + high) / 2)
        low, high = (middle, high) if layout_for(middle).starts(available_bytes) else (low, middle - 1)
    return low
