"""One model on one kind of GPU: does it start, how much does it hold, and what would work instead."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from components.catalog import instances
from components.catalog.instances import Gpu
from components.catalog.prices import on_demand_usd_per_hour
from components.model.engine_version import engine_version
from components.model.hub_config import architecture_of, language_part
from components.model.lock import load_lock
from components.model.memory import Budget, Checkpoint, Demand, MemoryPlan, Verdict, assess, checkpoint, default_seqs
from components.model.sizing import plan_checkpoint
from operations.errors import CommandError

GIB: Final = 2**30
# Types of the cache whose bytes are known here.
SIXTEEN_BIT: Final = ("bfloat16", "float16")
EIGHT_BIT: Final = ("fp8", "fp8_e4m3", "fp8_e5m2", "fp8_ds_mla")
# Numbers that only the estimate of free memory needs, for configurations that leave them out; said in the reasons.
ASSUMED: Final = {"vocab_size": 131072, "max_position_embeddings": 2**20}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model to size, and what had to be assumed about it."""

    checkpoint: Checkpoint
    quantised: bool
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """GPUs of one kind that can be used together."""

    gpu: Gpu
    gpus: int


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


def subject_of_lock(path: Path) -> Subject:
    """The model of a lock file.

    Raises:
        SettingsError: the file is missing or holds problems.
    """
    lock = load_lock(path)
    return Subject(checkpoint=checkpoint(lock), quantised=lock.quantisation.bits <= 8)


def subject_of_config(path: Path, weights_gib: float) -> Subject:
    """The model of a `config.json` and the size of its weights.

    Raises:
        CommandError: the file cannot be read, is not JSON, or lacks numbers.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architecture = architecture_of(with_assumptions(config))
    except OSError as error:
        raise CommandError(f"--config: {str(path)!r} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"--config: {str(path)!r}: {error}; give the model's own config.json") from None
    text = language_part(config)
    stored = config.get("quantization_config") or text.get("quantization_config") or {}
    return Subject(
        checkpoint=Checkpoint(
            name=path.name,
            architecture=architecture,
            weights_bytes=int(weights_gib * GIB),
            padded=stored.get("quant_method") == "mxfp4",
            dtype=str(text.get("torch_dtype") or text.get("dtype") or "bfloat16"),
        ),
        quantised=bool(stored),
        assumed=tuple(f"{name} is not in {path.name}; {ASSUMED[name]} is assumed" for name in _missing(config)),
    )


def with_assumptions(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with what only estimates need filled in."""
    text = dict(language_part(config))
    text |= {name: ASSUMED[name] for name in _missing(config)}
    heads = text.get("num_attention_heads") or text.get("num_key_value_heads")
    if heads and not text.get("num_attention_heads"):
        text["num_attention_heads"] = heads
    if heads and text.get("head_dim") and not text.get("hidden_size"):
        text["hidden_size"] = heads * text["head_dim"]
    return {**text, **{key: value for key, value in config.items() if key.startswith(("vision_", "audio_"))}}


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
    return Machine(gpu=machine.gpu, gpus=gpus or machine.gpus)


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
    return _answer(found, subject, demand)


def _answer(found: MemoryPlan, subject: Subject, demand: Demand) -> ModelSize:
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


def _missing(config: Mapping[str, Any]) -> list[str]:
    text = language_part(config)
    return [name for name in ASSUMED if not text.get(name)]


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One way to serve the model: a machine type, GPUs and a cache type."""

    instance: str
    tensor_parallel: int
    kv_cache_dtype: str
    verdict: Verdict
    tokens_in_cache: int
    max_concurrency: float
    usd_per_hour: float | None


def sweep(subject: Subject, wish: Wish, region: str) -> tuple[SweepRow, ...]:
    """Every machine type of a region with 1, 2, 4 or 8 of its GPUs and each cache type, the cheapest first.

    Args:
        subject: the model.
        wish: how it shall be served; GPUs and cache type are varied.
        region: whose machine types and prices count.
    """
    rows = []
    for machine in instances.all_types().values():
        if machine.gpu is None or not instances.offered_zones(machine.name, region):
            continue
        for gpus in (count for count in (1, 2, 4, 8) if count <= machine.gpus):
            for dtype in ("auto", "fp8"):
                asked = replace(wish, tensor_parallel=gpus, pipeline_parallel=1, kv_cache_dtype=dtype)
                demand = demand_of(subject, Machine(gpu=machine.gpu, gpus=gpus), asked)
                found = assess(subject.checkpoint, machine.gpu, demand)
                starts = found.verdict != "refuse"
                rows.append(
                    SweepRow(
                        instance=machine.name,
                        tensor_parallel=gpus,
                        kv_cache_dtype=dtype,
                        verdict=found.verdict,
                        tokens_in_cache=found.tokens if starts else 0,
                        max_concurrency=found.concurrency if starts else 0.0,
                        usd_per_hour=on_demand_usd_per_hour(machine.name, region),
                    )
                )
    return tuple(sorted(rows, key=_order))


def _order(row: SweepRow) -> tuple[bool, float, int, str, str]:
    price = float("inf") if row.usd_per_hour is None else row.usd_per_hour
    return row.verdict == "refuse", price, row.tensor_parallel, row.instance, row.kv_cache_dtype
