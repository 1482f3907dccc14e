"""`cloister size`: does it fit, and what does it cost, before anything is built."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from components.catalog.regions import EU_REGIONS
from operations.bill import HOURS_PER_WEEK, USAGES, Assumed
from operations.charts import checked, memory_bars
from operations.commands.options import AsJson, named_numbers, print_json
from operations.commands.size_tables import show_model, show_report, show_sweep
from operations.errors import CommandError
from operations.size import report_of
from operations.size_model import Wish, demand_of, machine_of, size_model, terms_of
from operations.size_subject import Subject, subject_of_config, subject_of_lock
from operations.size_sweep import sweep


def size(
    stack: Annotated[str | None, typer.Option("--stack", help="A stack: all its models, and its bill.")] = None,
    lock: Annotated[Path | None, typer.Option("--lock", help="Or one model: its lock file.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Or its config.json, with --weights-gib.")] = None,
    weights_gib: Annotated[float | None, typer.Option(min=0.0, help="Size of all tensors that are loaded.")] = None,
    instance: Annotated[str | None, typer.Option(help="Machine type, such as g6e.xlarge.")] = None,
    gpu_memory_gib: Annotated[float | None, typer.Option(min=1.0, help="Or each GPU's memory, as CUDA says.")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs to use; all of the machine's when left out.")] = None,
    tensor_parallel: Annotated[int | None, typer.Option(min=1, help="GPUs that share every layer.")] = None,
    pipeline_parallel: Annotated[int, typer.Option(min=1, help="Groups of GPUs that hold some layers each.")] = 1,
    max_model_len: Annotated[int | None, typer.Option(min=1, help="Longest request in tokens.")] = None,
    max_num_seqs: Annotated[int | None, typer.Option(min=1, help="Requests that run at once.")] = None,
    max_num_batched_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of one step.")] = None,
    gpu_memory_utilization: Annotated[float | None, typer.Option(min=0.05, max=1.0, help="Share of the GPU.")] = None,
    kv_cache_dtype: Annotated[str, typer.Option(help="auto (16 bit), or fp8 in one of its forms.")] = "auto",
    num_speculative_tokens: Annotated[int, typer.Option(min=0, help="Tokens drafted ahead.")] = 0,
    vllm_version: Annotated[str | None, typer.Option(help="Its rules; the newest known when left out.")] = None,
    available_kv_gib: Annotated[
        float | None, typer.Option(help="Free memory for the cache, instead of an estimate.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Where proposed machine types must be offered.")] = None,
    tokens_per_second: Annotated[
        float | None, typer.Option(min=0.1, help="With --stack: answer tokens of one replica under full load.")
    ] = None,
    hours_per_week: Annotated[
        list[str] | None,
        typer.Option(metavar="POOL=N", help="With --stack: hours in which a pool's machines are up, of 168."),
    ] = None,
    usage: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=N", help=f"With --stack: what is used in a month, of {', '.join(USAGES)}."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw each GPU's memory: .png, .svg.", dir_okay=False)] = None,
    sweep_all: Annotated[bool, typer.Option("--sweep", help="Table of machines, GPUs and caches.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether models fit and what they cost: of a whole stack, or of one model on one kind of GPU."""
    if plot is not None:
        checked(plot)
        if sweep_all:
            raise CommandError("--plot: draws one machine or a stack, not a --sweep; leave one of them out")
    assumed = Assumed(
        tokens_per_second=tokens_per_second,
        hours_per_week=named_numbers("--hours-per-week", hours_per_week or (), least=1, most=HOURS_PER_WEEK),
        usage=named_numbers("--usage", usage or ()),
    )
    if stack is not None:
        if lock is not None or config is not None:
            raise CommandError("--stack: sizes all models of a stack; leave out --lock and --config, or the stack")
        _size_stack(stack, assumed, plot, as_json)
        return
    if assumed != Assumed():
        raise CommandError("--tokens-per-second, --hours-per-week and --usage are for a bill; name its --stack")
    subject = _subject(lock, config, weights_gib)
    wish = Wish(
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        max_model_len=max_model_len,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_batched_tokens,
        gpu_memory_utilization=gpu_memory_utilization,
        kv_cache_dtype=kv_cache_dtype,
        num_speculative_tokens=num_speculative_tokens,
        vllm_version=vllm_version,
        available_kv_gib=available_kv_gib,
    )
    if sweep_all:
        _sweep(subject, wish, region, as_json)
        return
    machine = machine_of(instance, gpu_memory_gib, gpus)
    answer = size_model(subject, machine, demand_of(subject, machine, wish), region)
    if plot is not None:
        name = instance or f"{gpu_memory_gib} GiB"
        memory_bars(plot, subject.checkpoint.name, {name: answer.budget})
    if as_json:
        print_json(answer)
    else:
        show_model(Console(highlight=False), answer)
    if answer.verdict == "refuse":
        raise typer.Exit(1)


def _size_stack(stack: str, assumed: Assumed, plot: Path | None, as_json: bool) -> None:
    report = report_of(stack, assumed)
    if plot is not None:
        if not report.models:
            raise CommandError(f"--plot: {stack!r} has no models on GPUs of AWS; name a serving stack")
        planned = {row.model: terms_of(row.memory.budget) for row in report.models if row.memory is not None}
        memory_bars(plot, f"GPU memory of {stack}", planned)
    if as_json:
        print_json(report)
    else:
        show_report(Console(highlight=False), report)
    if report.refused:
        raise typer.Exit(1)


def _subject(lock: Path | None, config: Path | None, weights_gib: float | None) -> Subject:
    if (lock is None) == (config is None):
        raise CommandError("name a stack with --stack, or one model with --lock FILE or --config FILE")
    if lock is not None:
        return subject_of_lock(lock)
    if weights_gib is None:
        raise CommandError("--weights-gib: missing; a config.json does not tell how large the weights are")
    assert config is not None
    return subject_of_config(config, weights_gib)


def _sweep(subject: Subject, wish: Wish, region: str | None, as_json: bool) -> None:
    if region not in EU_REGIONS:
        raise CommandError(f"--region: {region!r} has no price list here; use one of {', '.join(sorted(EU_REGIONS))}")
    rows = sweep(subject, wish, region)
    if as_json:
        print_json(rows)
    else:
        show_sweep(Console(highlight=False), rows)
