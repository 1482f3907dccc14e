"""`cloister advise`: always on, woken by requests, or managed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from components.catalog.break_even import Load, Sleep
from components.settings.layer import PlatformSettings, ServingSettings
from components.settings.load import ROOT, load_stack
from operations.commands.options import AsJson, print_json
from operations.errors import CommandError

USUAL_START: Final = 420.0
"""Seconds, where no model is named."""


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """What a replica runs on, what stands beside it, and how long it starts."""

    instance: str
    gpus: int
    region: str
    fixed_usd: float = 0.0
    start_seconds: float = USUAL_START
    start_from: str = (
        f"a start is taken to last {USUAL_START:.0f} s; --stack and --model estimate it, --start-seconds takes yours"
    )


def advise(
    requests_per_hour: Annotated[float, typer.Option(min=0.01, help="On average, day and night.")],
    tokens_per_second: Annotated[
        float, typer.Option(min=0.1, help="Answer tokens of one replica under full load, as you measured.")
    ],
    answer_tokens: Annotated[int, typer.Option(min=1, help="Of one answer on average.")] = 300,
    stack: Annotated[
        str | None, typer.Option("--stack", help="A serving stack, with --model; its bill counts.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Which of its models.")] = None,
    instance: Annotated[str | None, typer.Option(help="Or a machine type, with --region.")] = None,
    gpus: Annotated[int, typer.Option(min=1, help="GPUs of one replica.")] = 1,
    region: Annotated[str | None, typer.Option(help="Where.")] = None,
    idle_minutes: Annotated[float, typer.Option(min=0.1, help="Without a request before a replica sleeps.")] = 15,
    start_seconds: Annotated[
        float | None, typer.Option(min=1, help="Until a woken replica answers; estimated when left out.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the costs over the load (.png, .svg).", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a load costs with machines that are always on, that requests wake, or that Hugging Face runs."""
    from operations.advise import Question, costs_of, highest_of, monthly
    from operations.advise import advise as answer
    from operations.charts import checked, cost_lines

    if plot is not None:
        checked(plot)
    if stack is not None:
        chosen = _of_stack(stack, model)
    elif instance is None or region is None:
        raise CommandError(
            "name a serving stack with --stack and --model, or a machine type with --instance and --region"
        )
    else:
        chosen = _Chosen(instance=instance, gpus=gpus, region=region)
    question = Question(
        instance=chosen.instance,
        gpus=chosen.gpus,
        region=chosen.region,
        load=Load(requests_per_hour=requests_per_hour, answer_tokens=answer_tokens),
        tokens_per_second=tokens_per_second,
        sleep=Sleep(idle_seconds=idle_minutes * 60, start_seconds=start_seconds or chosen.start_seconds),
        fixed_usd=chosen.fixed_usd,
        start_from="" if start_seconds else chosen.start_from,
    )
    found = answer(question)
    if plot is not None:
        from components.catalog.break_even import requests_grid

        ways, _ = costs_of(question)
        grid = requests_grid(highest_of(question))
        lines = {name: [monthly(way, question.load)(rate) for rate in grid] for name, way in ways.items()}
        cost_lines(
            plot,
            f"{chosen.gpus} x {chosen.instance} in {chosen.region}, {answer_tokens} tokens an answer",
            grid,
            lines,
            requests_per_hour,
        )
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    table = Table("way", "replicas", "paid for", "USD a month", "USD per million tokens", "wait for a start", box=None)
    for way in found.ways:
        table.add_row(
            way.name,
            str(way.replicas),
            f"{way.awake:.0%}",
            f"{way.usd_per_month:,.0f}",
            "-" if way.usd_per_million_tokens is None else f"{way.usd_per_million_tokens:,.2f}",
            f"{way.waiting_per_day:.1f} a day" if way.waiting_per_day else "none",
        )
    console.print(table)
    for crossing in found.crossings:
        console.print(
            f"  from {crossing.requests_per_hour:,.1f} requests an hour on {crossing.cheaper_above} is cheaper than "
            f"{crossing.cheaper_below}",
            soft_wrap=True,
        )
    for note in found.notes:
        console.print(f"  {note}", soft_wrap=True)


def _of_stack(stack: str, model: str | None) -> _Chosen:
    """What a model of a serving stack runs on; the platform counts without its GPU machines."""
    from components.model.lock import load_lock
    from components.settings.checks import lock_path
    from components.settings.placement import start_of
    from operations.size import report_of

    settings = load_stack(stack)
    if not isinstance(settings, ServingSettings):
        raise CommandError(f"--stack: {stack!r} is of layer {settings.layer}; name a serving stack")
    if model is None and len(settings.models) == 1:
        model = next(iter(settings.models))
    if model not in settings.models:
        raise CommandError(f"--model: {model!r}; {stack} has {', '.join(settings.models)}")
    platform = load_stack(settings.platform)
    assert isinstance(platform, PlatformSettings)  # load_stack checked it
    served = settings.models[model]
    pool = platform.node_pools[served.node_pool]
    start = start_of(served, load_lock(lock_path(served.lock, ROOT)), pool, asleep=True)
    return _Chosen(
        instance=pool.instance_type,
        gpus=served.gpus,
        region=settings.region,
        fixed_usd=sum(cost.usd_per_month or 0.0 for cost in report_of(stack).costs if not cost.gpus),
        start_seconds=start.high,
        start_from=(
            f"a start of {model} takes {start.low:.0f} to {start.high:.0f} s by other people's measurements "
            f"(`cloister size --stack {stack}` names them); the longest counts, --start-seconds takes yours"
        ),
    )
