"""How sizes are printed for people."""

import re
from typing import Final

from rich.console import Console
from rich.table import Table

from components.catalog.transfer import Flow
from components.model.cold_start import ColdStart
from operations.model_rows import ModelRow
from operations.size import SizeReport
from operations.size_model import ModelSize
from operations.size_sweep import SweepRow

WIDE: Final = 130
"""Columns from which on a terminal has room for the reasons of prices; `--json` always has them."""


def show_report(console: Console, report: SizeReport) -> None:
    """Print what a stack needs and costs."""
    for row in report.models:
        console.print(f"  {row.model}: {_memory(row)}", soft_wrap=True)
        if row.weights:
            console.print(f"  {row.model}: {row.weights.line()}", soft_wrap=True)
    for warning in report.warnings:
        console.print(f"  warning: {warning}", soft_wrap=True)
    if any(cost.quantity is not None for cost in report.costs):
        console.print(_bill(report))
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
    if report.transfer:
        console.print(_transfer(report.transfer, wide=console.width >= WIDE))
    for line in (*_footer(report), *report.notes):
        console.print(f"  {line}", soft_wrap=True)


def _bill(report: SizeReport) -> Table:
    """Lines with an amount, and those that would have one if their price were known."""
    bill = Table("per month", "USD", "at most", "as of", box=None, padding=(0, 2))
    counted = [cost for cost in report.costs if cost.quantity is not None]
    for cost in counted:
        most = f"{cost.high:,.2f}" if cost.high != (cost.usd_per_month or 0.0) else ""
        usd = "not known" if cost.usd_per_month is None else f"{cost.usd_per_month:,.2f}"
        bill.add_row(cost.what, usd, most, cost.date)
    unknown = " and what is not known" if any(cost.usd_per_month is None for cost in counted) else ""
    bill.add_row("together", f"{report.usd_per_month:,.2f}{unknown}", f"{report.usd_per_month_high:,.2f}")
    return bill


def _footer(report: SizeReport) -> list[str]:
    """What the table leaves out, and whence its prices are; `--json` has each line's own source."""
    by_use = "; ".join(
        f"{cost.usage}=N ({cost.what}, {cost.usd_per_unit:g} USD a {cost.unit})"
        for cost in report.costs
        if cost.usd_per_unit is not None
    )
    priced = [cost for cost in report.costs if cost.source]
    # "Amazon EKS pricing, the same in every region (standard support)" is long for one of ten.
    sources = dict.fromkeys(re.split(r" \(|[,;]", cost.source)[0] for cost in priced)
    verified = sum(cost.verified for cost in priced)
    return [
        *([f"paid by use, counted with --usage: {by_use}"] if by_use else []),
        *([f"no price is known here: {', '.join(report.unpriced)}"] if report.unpriced else []),
        *(
            [f"list prices in {report.region} before tax, {verified} of {len(priced)} verified: {', '.join(sources)}"]
            if priced
            else []
        ),
    ]


def _transfer(flows: tuple[Flow, ...], *, wide: bool) -> Table:
    table = Table("transfer", "USD per GB", *(["what"] if wide else []), box=None, padding=(0, 2))
    for flow in flows:
        price = "-" if flow.usd_per_gb is None else f"{flow.usd_per_gb:.4f}"
        table.add_row(flow.name, price, *([flow.what] if wide else []))
    return table


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


def show_model(console: Console, answer: ModelSize) -> None:
    """Print the verdict with its reasons, the ways out, where the memory goes, and what a start takes."""
    console.print(f"  {answer.verdict}")
    for reason in answer.reasons:
        console.print(f"    because {reason}", soft_wrap=True)
    for way in answer.suggestions:
        console.print(f"    use {way}", soft_wrap=True)
    budget = Table("each GPU", "GiB", box=None, padding=(0, 2))
    for term, gib in answer.budget.items():
        budget.add_row(term.removesuffix("_gib").replace("_", " "), f"{gib:.2f}")
    console.print(budget)
    concurrency = "any number" if answer.max_concurrency is None else f"{answer.max_concurrency:.2f}"
    console.print(
        f"  {answer.num_blocks} blocks of {answer.block_size} tokens; {concurrency} of the longest requests at once; "
        f"the longest that fits has {answer.longest_model_len} tokens",
        soft_wrap=True,
    )
    if answer.cold_start is not None:
        show_start(console, "start from nothing", answer.cold_start)


def show_start(console: Console, title: str, start: ColdStart) -> None:
    """Print what a start is made of; the sources are in the JSON form."""
    table = Table(title, "seconds", "spared by", box=None, padding=(0, 2))
    for phase in start.phases:
        table.add_row(phase.name, _between(phase.low, phase.high), phase.spared_by)
    table.add_row("together", _between(start.low, start.high), "")
    console.print(table)


def _between(low: float, high: float) -> str:
    return f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"


def show_sweep(console: Console, rows: tuple[SweepRow, ...]) -> None:
    """Print what starts, the cheapest first, and how many ways do not."""
    table = Table("machine type", "GPUs", "cache", "verdict", "tokens", "requests at once", "USD per hour", box=None)
    for row in (row for row in rows if row.verdict != "refuse"):
        price = "not known" if row.usd_per_hour is None else f"{row.usd_per_hour:.3f}"
        table.add_row(
            row.instance,
            str(row.tensor_parallel),
            row.kv_cache_dtype,
            row.verdict,
            f"{row.tokens_in_cache:,}",
            f"{row.max_concurrency:.1f}",
            price,
        )
    console.print(table)
    console.print(f"  {sum(row.verdict == 'refuse' for row in rows)} other ways do not start.")
