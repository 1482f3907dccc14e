"""What a stack of any layer needs and costs, from its files alone and before anything exists."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.catalog import instances
from components.catalog.prices import HOURS_PER_MONTH, managed_machine
from components.catalog.transfer import Flow, edge_transfer_costs
from components.model.lock import ModelLock, load_lock
from components.settings.checks import lock_path
from components.settings.cluster import NodePool
from components.settings.errors import unknown_value
from components.settings.layer import (
    EdgeSettings,
    ImagesSettings,
    ManagedSettings,
    OrganisationSettings,
    PlatformSettings,
    ServingSettings,
)
from components.settings.load import ROOT, load_stack
from components.settings.model_service import ModelService
from components.settings.placement import scarce_zones
from operations.bill import USAGES, Assumed, CostRow, pool_costs, priced_by_spot, some, used
from operations.errors import CommandError
from operations.model_rows import ModelRow, model_row
from operations.platform_parts import PlatformParts, parts_of, platform_costs

NOTHING: Final = Assumed()


@dataclass(frozen=True, kw_only=True)
class SizeReport:
    """Everything; `dataclasses.asdict` of it is the JSON form.

    Attributes:
        usd_per_month: of the lines that have a price, with what runs all the time.
        usd_per_month_high: with every node or replica that may be added.
        unpriced: lines whose price nobody here knows.
        uncounted: lines that are paid by use, when nobody said how much that is.
        idle: GPUs that no model uses.
        warnings: what may fail although the settings allow it.
        notes: what the bill does not count, or counts on.
    """

    region: str
    models: tuple[ModelRow, ...]
    costs: tuple[CostRow, ...]
    transfer: tuple[Flow, ...]
    usd_per_month: float
    usd_per_month_high: float
    unpriced: tuple[str, ...]
    uncounted: tuple[str, ...]
    idle: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    refused: bool


def report_of(stack: str, assumed: Assumed = NOTHING) -> SizeReport:
    """The report for one stack.

    Args:
        stack: its name.
        assumed: what its settings do not say.

    Raises:
        CommandError: something is assumed about what the stack does not have.
        SettingsError: a stack or lock file holds problems.
    """
    settings = load_stack(stack)
    if isinstance(settings, ServingSettings):
        platform = load_stack(settings.platform)
        assert isinstance(platform, PlatformSettings)  # load_stack checked it
        _check(stack, assumed, platform.node_pools, USAGES, serves=True)
        locks = {model.lock: load_lock(lock_path(model.lock, ROOT)) for model in settings.models.values()}
        parts, scarce = parts_of(platform), tuple(scarce_zones(platform))
        return size_report(settings.region, settings.models, locks, platform.node_pools, parts, assumed, scarce)
    if isinstance(settings, PlatformSettings):
        _check(stack, assumed, settings.node_pools, USAGES)
        parts, scarce = parts_of(settings), tuple(scarce_zones(settings))
        return size_report(settings.region, {}, {}, settings.node_pools, parts, assumed, scarce)
    usages = ("images",) if isinstance(settings, ImagesSettings) else ()
    _check(stack, assumed, (), usages)
    if isinstance(settings, ImagesSettings):
        notes = (f"the registry is part of {settings.platform}: the bill of that stack has the same line",)
        return _report(settings.region, used(usages, settings.region, assumed), notes=notes)
    if isinstance(settings, EdgeSettings):
        return _edge(settings)
    if isinstance(settings, ManagedSettings):
        return _managed(settings)
    return _organisation(settings)


def size_report(
    region: str,
    models: Mapping[str, ModelService],
    locks: Mapping[str, ModelLock],
    pools: Mapping[str, NodePool],
    platform: PlatformParts,
    assumed: Assumed = NOTHING,
    warnings: Sequence[str] = (),
) -> SizeReport:
    """The report for one platform, with the models of a serving stack on it.

    Args:
        region: of both stacks.
        models: the section `models:` of the serving stack; empty for the platform alone.
        locks: lock files by name.
        pools: the section `node_pools:` of the platform stack.
        platform: what else the platform has.
        assumed: what their settings do not say.
        warnings: what may fail although the settings allow it.
    """
    rows = [
        model_row(region, name, model, locks[model.lock], pools, assumed.tokens_per_second)
        for name, model in models.items()
    ]
    replicas = {
        name: [row.gpus for row in rows if row.node_pool == name and row.nodes for _ in range(row.replicas)]
        for name in pools
    }
    costs = (
        *pool_costs(region, pools, replicas if models else None, assumed),
        *platform_costs(region, platform, _weights_gb([locks[model.lock] for model in models.values()]), assumed),
    )
    return _report(region, costs, rows, platform.transfer, warnings, _pool_notes(region, pools, assumed))


def _pool_notes(region: str, pools: Mapping[str, NodePool], assumed: Assumed) -> list[str]:
    notes = []
    if assumed.hours_per_week:
        notes.append(
            "nothing in the stack ends machines by the clock: the hours of --hours-per-week count on somebody who does"
        )
    if any(priced_by_spot(pool, region) for pool in pools.values()):
        notes.append("spot: from the cheapest zone's price to the dearest one's, on the day of the table")
    if any(instances.find(pool.instance_type).gpus for pool in pools.values()):
        notes.append("capacity blocks are not priced: there is no table of their prices here")
    return notes


def _edge(settings: EdgeSettings) -> SizeReport:
    """The host is the user's own; AWS keeps the weights, and charges for each GB that leaves it."""
    weights = _weights_gb([load_lock(lock_path(model.lock, ROOT)) for model in settings.models.values()])
    return _report(
        settings.region,
        some("weights in S3", "s3-standard-gb-month", settings.region, weights),
        transfer=edge_transfer_costs(settings.region),
        notes=(
            "the host is yours: neither its price nor its power is counted",
            f"key, registry and token records are part of {settings.platform}, which has a bill of its own",
        ),
    )


def _managed(settings: ManagedSettings) -> SizeReport:
    """Replicas of the endpoint, from the least that it keeps to the most that requests may start."""
    least, most = settings.min_replicas, settings.max_replicas
    what = f"endpoint {settings.lock}: {least} to {most} x {settings.instance_type} {settings.instance_size}"
    machine = managed_machine(settings.instance_type, settings.instance_size)
    if machine is None:
        row = CostRow(what=what, quantity=least, usd_per_month=None)
    else:
        monthly = machine.price.usd * HOURS_PER_MONTH
        row = CostRow(
            what=what,
            quantity=least,
            usd_per_month=monthly * least,
            usd_per_month_high=monthly * most,
            verified=machine.price.verified,
            source=machine.price.source,
            date=machine.price.date,
            gpus=machine.gpus * least,
        )
    notes = (
        "paid to Hugging Face; the interface endpoint in your VPC that leads there is paid to AWS and not counted",
    )
    return _report(settings.region, (row,), notes=notes)


def _organisation(settings: OrganisationSettings) -> SizeReport:
    """Source: AWS Organizations, "Pricing": no charge."""
    return _report(settings.region, (), notes=("control policies of AWS Organizations cost nothing",))


def _report(
    region: str,
    costs: tuple[CostRow, ...],
    models: Sequence[ModelRow] = (),
    transfer: tuple[Flow, ...] = (),
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> SizeReport:
    return SizeReport(
        region=region,
        models=tuple(models),
        costs=costs,
        transfer=transfer,
        usd_per_month=sum((cost.usd_per_month or 0.0 for cost in costs), 0.0),
        usd_per_month_high=sum((cost.high for cost in costs), 0.0),
        unpriced=tuple(cost.what for cost in costs if cost.usd_per_month is None and cost.usd_per_unit is None),
        uncounted=tuple(cost.what for cost in costs if cost.usd_per_unit is not None),
        idle=tuple(
            f"{cost.what}: {cost.idle_gpus} of {cost.gpus} GPUs idle; lower min_nodes, or give a model more of them"
            for cost in costs
            if cost.idle_gpus
        ),
        warnings=tuple(warnings),
        notes=tuple(notes),
        refused=any(row.refused for row in models),
    )


def _weights_gb(locks: Sequence[ModelLock]) -> float:
    """Each lock file's weights are kept once."""
    return sum(lock.weights_bytes for lock in {lock.name: lock for lock in locks}.values()) / 1e9


def _check(
    stack: str, assumed: Assumed, pools: Collection[str], usages: Collection[str], *, serves: bool = False
) -> None:
    """Nothing is assumed about what the stack does not have."""
    if assumed.tokens_per_second is not None and not serves:
        raise CommandError(f"--tokens-per-second: {stack!r} serves no model with a price; leave it out")
    for option, kind, named, known in (
        ("--hours-per-week", "node pool", assumed.hours_per_week, pools),
        ("--usage", "usage", assumed.usage, usages),
    ):
        for name in named:
            if not known:
                raise CommandError(f"{option}: {name!r} but {stack!r} has no {kind}; leave it out")
            if name not in known:
                raise CommandError(f"{option}: {unknown_value(name, kind, known)}")
