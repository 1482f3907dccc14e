"""How sizes of one model are printed for people."""

from rich.console import Console
from rich.table import Table

from components.model.cold_start import ColdStart
from operations.size_model import ModelSize, SweepRow


def show_model(console: Console, answer: ModelSize) -> None:
    """Print the verdict with its reasons, the ways out, and where the memory goes."""
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
