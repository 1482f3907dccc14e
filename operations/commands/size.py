"""`cloister size`: does it fit, and what does it cost, before anything is built."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from components.catalog import instances
from components.catalog.regions import EU_REGIONS
from components.catalog.transfer import transfer_costs
from components.catalog.vpc_endpoints import enabled_uses, endpoint_services
from components.model.cold_start import cold_start
from components.model.lock import load_lock
from components.settings.checks import lock_path
from components.settings.layer import PlatformSettings, ServingSettings
from components.settings.load import ROOT, load_stack
from operations.charts import checked, memory_bars
from operations.commands.options import AsJson, print_json
from operations.commands.size_tables import show_model, show_start, show_sweep
from operations.errors import CommandError
from operations.size import ModelRow, PlatformParts, SizeReport, size_report
from operations.size_model import (
    Subject,
    Wish,
    demand_of,
    machine_of,
    size_model,
    subject_of_config,
    subject_of_lock,
    sweep,
    terms_of,
)

WIDE: Final = 130
"""Columns from which on a terminal has room for the reasons of prices; `--json` always has them."""
KMS_KEYS: Final = 2  # storage and signing, components/storage/keys.py
ALARMS: Final = 1  # blocked name queries, components/network/name_firewall.py


def size(
    stack: Annotated[str | None, typer.Option("--stack", help="A serving stack: all its models, and its bill.")] = None,
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
    plot: Annotated[Path | None, typer.Option(help="Draw each GPU's memory: .png, .svg.", dir_okay=False)] = None,
    sweep_all: Annotated[bool, typer.Option("--sweep", help="Table of machines, GPUs and caches.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether models fit and what they cost: of a whole serving stack, or of one model on one kind of GPU."""
    if plot is not None:
        checked(plot)
        if sweep_all:
            raise CommandError("--plot: draws one machine or a stack, not a --sweep; leave one of them out")
    if stack is not None:
        _size_stack(stack, tokens_per_second, plot, as_json)
        return
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
        if lock is not None and instance is not None:
            weights = load_lock(lock).weights_bytes
            start = cold_start(weights, instances.find(instance), node_waits=False)
            show_start(Console(highlight=False), "start from nothing", start)
    if answer.verdict == "refuse":
        raise typer.Exit(1)


def _size_stack(stack: str, tokens_per_second: float | None, plot: Path | None, as_json: bool) -> None:
    report = report_of(stack, tokens_per_second)
    if plot is not None:
        planned = {row.model: terms_of(row.memory.budget) for row in report.models if row.memory is not None}
        memory_bars(plot, f"GPU memory of {stack}", planned)
    if as_json:
        print_json(report)
    else:
        show(Console(highlight=False), report)
    if report.refused:
        raise typer.Exit(1)


def _subject(lock: Path | None, config: Path | None, weights_gib: float | None) -> Subject:
    if (lock is None) == (config is None):
        raise CommandError("name a serving stack with --stack, or one model with --lock FILE or --config FILE")
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


def report_of(stack: str, tokens_per_second: float | None = None) -> SizeReport:
    """The report for a serving stack, from its files alone.

    Args:
        stack: its name.
        tokens_per_second: answer tokens of one replica under full load; without it no price of a token is told.

    Raises:
        CommandError: the stack serves nothing.
        SettingsError: a stack or lock file holds problems.
    """
    settings = load_stack(stack)
    if not isinstance(settings, ServingSettings):
        raise CommandError(f"stack {stack!r} is of layer {settings.layer}; name a serving stack")
    platform = load_stack(settings.platform)
    assert isinstance(platform, PlatformSettings)  # load_stack checked it
    return size_report(
        settings.region,
        settings.models,
        {model.lock: load_lock(lock_path(model.lock, ROOT)) for model in settings.models.values()},
        platform.node_pools,
        parts_of(platform),
        tokens_per_second,
    )


def parts_of(platform: PlatformSettings) -> PlatformParts:
    """What a platform has beside its machines, counted from its settings."""
    network = platform.network
    fronts = 0 if network.front is None else 1
    uses = enabled_uses((*network.uses, *(["front"] if fronts else [])))
    shared = {service for peering in network.peerings.values() for service in peering.services}
    return PlatformParts(
        zones=len(platform.zones),
        interface_endpoints=sum(service.kind == "Interface" for service in endpoint_services(uses)),
        kms_keys=KMS_KEYS,
        load_balancers=fronts,
        vpn_connections=len(network.vpns),
        private_zones=fronts + len(shared),
        alarms=ALARMS,
        transfer=transfer_costs(
            platform.region,
            zones=len(platform.zones),
            cross_zone=network.front is not None and network.front.cross_zone,
            peers=tuple(network.peerings),
            private_link=network.private_link is not None,
            vpns=tuple(network.vpns),
            uses=uses,
        ),
    )


def show(console: Console, report: SizeReport) -> None:
    """Print a report for people."""
    for row in report.models:
        console.print(f"  {row.model}: {_memory(row)}", soft_wrap=True)
        if row.weights:
            console.print(f"  {row.model}: {row.weights.line()}", soft_wrap=True)
    bill = Table("per month", "USD", "at most", box=None, padding=(0, 2))
    for cost in report.costs:
        most = f"{cost.high:,.2f}" if cost.high != cost.usd_per_month else ""
        bill.add_row(cost.what, "not known" if cost.usd_per_month is None else f"{cost.usd_per_month:,.2f}", most)
    unknown = " and what is not known" if report.unpriced else ""
    bill.add_row("together", f"{report.usd_per_month:,.2f}{unknown}", f"{report.usd_per_month_high:,.2f}")
    console.print(bill)
    for row in report.models:
        if row.start is not None:
            show_start(console, f"start of {row.model}", row.start)
    for idle in report.idle:
        console.print(f"  {idle}", soft_wrap=True)
    for row in report.models:
        if row.usd_per_million_tokens is not None:
            console.print(
                f"  {row.model}: {row.usd_per_million_tokens:,.2f} USD per million answer tokens at full load"
            )
    wide = console.width >= WIDE
    transfer = Table("transfer", "USD per GB", *(["what"] if wide else []), box=None, padding=(0, 2))
    for flow in report.transfer:
        price = "-" if flow.usd_per_gb is None else f"{flow.usd_per_gb:.4f}"
        transfer.add_row(flow.name, price, *([flow.what] if wide else []))
    console.print(transfer)
    console.print(
        f"  List prices in {report.region}, on demand, before tax; components/catalog/data/README.md says how old."
    )


def _memory(row: ModelRow) -> str:
    plan = row.memory
    if plan is None:
        return f"refused: {row.problem}"
    other = plan.budget.activation_gib + plan.budget.non_torch_gib + plan.budget.graphs_gib
    gpus = f"{plan.gpus} x {plan.gpu}"
    where = f"{row.nodes} x {row.instance_type}, {gpus} a replica: weights {plan.budget.weights_gib:.1f} GiB"
    free = max(0.0, plan.budget.available_gib)
    cache = f"KV cache {free:.1f} GiB = {plan.concurrency:.0f} of the longest requests at once"
    return f"{where}, workspace {other:.1f} GiB, {cache}: {plan.verdict}" + (f"; {row.problem}" if row.problem else "")
