"""One model on one kind of GPU: does it start, how much does it hold, and what would work instead."""

from dataclasses import dataclass
from typing import Final

from components.catalog import instances
from components.catalog.instances import Gpu, InstanceType
from components.model.cold_start import ColdStart, cold_start
from components.model.engine_version import engine_version
from components.model.memory import Budget, Demand, MemoryPlan, Verdict, default_seqs
from components.model.sizing import plan_checkpoint
from operations.errors import CommandError
from operations.size_subject import Subject

# Types of the cache whose bytes are known here.
SIXTEEN_BIT: Final = ("bfloat16", "float16")
EIGHT_BIT: Final = ("fp8", "fp8_e4m3", "fp8_e5m2", "fp8_ds_mla")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """GPUs of one kind that can be used together; `type` is None where only their memory is told."""

    gpu: Gpu
    gpus: int
    type: InstanceType | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How the model shall be served, in the engine's own words; what is None is the engine's or the model's default.

    Attributes:
        available_kv_gib: free memory for the cache of each GPU, instead of the estimate.
    """

    tensor_parallel: int | None = None
    pipeline_parallel: int = 1
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    gpu_memory_utilization: float | None = None
    kv_cache_dtype: str = "auto"
    num_speculative_tokens: int = 0
    vllm_version: str | None = None
    available_kv_gib: float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """The answer; `dataclasses.asdict` of it is the JSON form, whose keys scripts rely on.

    Attributes:
        verdict: `ok`, `warn` (a start may fail) or `refuse` (it will not start).
        reasons: why it is not simply ok, and what was assumed.
        suggestions: what would work.
        weights_gib_per_gpu: what the weights take on each GPU.
        available_kv_gib: what remains for the KV cache on each GPU; estimated unless it was given.
        kv_bytes_per_token: growth per token on each GPU, over the layers whose cache grows.
        block_size: tokens of such a layer in one block.
        num_blocks: blocks in the pool of each GPU.
        max_concurrency: requests of the longest length at once; null where the model caches nothing.
        longest_model_len: tokens of the longest request that fits.
        budget: each term of one GPU's memory, in GiB.
        cold_start: seconds from nothing to the first answer, part by part; None without a machine type.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    suggestions: tuple[str, ...]
    weights_gib_per_gpu: float
    available_kv_gib: float
    kv_bytes_per_token: int
    block_size: int
    num_blocks: int
    max_concurrency: float | None
    longest_model_len: int
    budget: dict[str, float]
    cold_start: ColdStart | None


def machine_of(instance: str | None, gpu_memory_gib: float | None, gpus: int | None) -> Machine:
    """The GPUs of a machine type, or GPUs told by their memory.

    Raises:
        CommandError: neither or both are told, or the machine type has no GPU.
    """
    if (instance is None) == (gpu_memory_gib is None):
        raise CommandError("name either --instance TYPE, or --gpu-memory-gib M with --gpus N")
    if instance is None:
        assert gpu_memory_gib is not None
        gpu = Gpu(name="GPU", memory_gib=gpu_memory_gib, memory_gib_usable=gpu_memory_gib)
        return Machine(gpu=gpu, gpus=gpus or 1)
    try:
        machine = instances.find(instance)
    except LookupError as error:
        raise CommandError(f"--instance: {error.args[0]}") from None
    if machine.gpu is None:
        raise CommandError(f"--instance: {instance!r} has no GPU; name one that has, such as g6e.xlarge")
    if gpus is not None and gpus > machine.gpus:
        raise CommandError(f"--gpus: '{gpus}' but {instance} has {machine.gpus}")
    return Machine(gpu=machine.gpu, gpus=gpus or machine.gpus, type=machine)


def demand_of(subject: Subject, machine: Machine, wish: Wish) -> Demand:
    """What is asked for, with the engine's own defaults for what is left out.

    Raises:
        CommandError: more GPUs are asked for than there are, or a value that the engine does not know.
    """
    tensor = wish.tensor_parallel or max(1, machine.gpus // wish.pipeline_parallel)
    if tensor * wish.pipeline_parallel > machine.gpus:
        raise CommandError(
            f"--tensor-parallel '{tensor}' x --pipeline-parallel '{wish.pipeline_parallel}' are more than "
            f"{machine.gpus} GPUs; lower one of them, or raise --gpus"
        )
    if wish.kv_cache_dtype not in ("auto", *SIXTEEN_BIT, *EIGHT_BIT):
        known = ", ".join(("auto", *SIXTEEN_BIT, *EIGHT_BIT))
        raise CommandError(f"--kv-cache-dtype: {wish.kv_cache_dtype!r} is not sized here; use one of {known}")
    try:
        version = engine_version(wish.vllm_version)
    except ValueError as error:
        raise CommandError(f"--vllm-version: {error}") from None
    return Demand(
        gpus=tensor,
        max_model_len=wish.max_model_len or subject.checkpoint.architecture.max_position_embeddings,
        max_num_seqs=wish.max_num_seqs or default_seqs(machine.gpu),
        kv_cache_dtype=wish.kv_cache_dtype,
        gpu_memory_utilization=wish.gpu_memory_utilization or version.utilization,
        pipeline_stages=wish.pipeline_parallel,
        max_num_batched_tokens=wish.max_num_batched_tokens,
        speculative_tokens=wish.num_speculative_tokens,
        version=version,
        available_gib=wish.available_kv_gib,
    )


def size_model(subject: Subject, machine: Machine, demand: Demand, region: str | None = None) -> ModelSize:
    """Whether the model starts as asked for, and what it then holds.

    Args:
        subject: the model.
        machine: where it shall run.
        demand: how it shall be served.
        region: where suggested machine types must be offered; any EU region when None.
    """
    found = plan_checkpoint(subject.checkpoint, machine.gpu, demand, region, quantised=subject.quantised)
    start = cold_start(subject.checkpoint.weights_bytes, machine.type, node_waits=False) if machine.type else None
    return _answer(found, subject, demand, start)


def _answer(found: MemoryPlan, subject: Subject, demand: Demand, start: ColdStart | None) -> ModelSize:
    budget = found.budget
    return ModelSize(
        verdict=found.verdict,
        reasons=(*found.reasons, *(subject.assumed if demand.available_gib is None else ())),
        suggestions=found.suggestions,
        weights_gib_per_gpu=budget.weights_gib,
        available_kv_gib=budget.available_gib,
        kv_bytes_per_token=found.kv_bytes_per_token,
        block_size=found.block_tokens,
        num_blocks=found.blocks,
        max_concurrency=found.concurrency if found.kv_needed_gib else None,
        longest_model_len=found.longest_request,
        budget=terms_of(budget),
        cold_start=start,
    )


def terms_of(budget: Budget) -> dict[str, float]:
    """Each term of one GPU's memory, in GiB, by the names of the JSON form."""
    return {
        "requested_gib": budget.requested_gib,
        "weights_gib": budget.weights_gib,
        "activation_gib": budget.activation_gib,
        "non_torch_gib": budget.non_torch_gib,
        "cuda_graphs_gib": budget.graphs_gib,
        "cuda_graphs_beside_gib": budget.graphs_beside_gib,
        "available_kv_gib": budget.available_gib,
    }
