"""Lines of a bill: what each part of a stack costs a month, and how far the price can be trusted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from components.catalog import instances
from components.catalog.prices import HOURS_PER_MONTH, Price, fixed_cost, on_demand, spot
from components.settings.cluster import NodePool
from components.settings.placement import machines_for

HOURS_PER_WEEK: Final = 168


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What the person who asks knows and settings do not say.

    Attributes:
        tokens_per_second: answer tokens of one replica under full load.
        hours_per_week: node pool -> hours in which its machines are up; nothing in a stack enforces them.
        usage: name of `USAGES` -> units a month.
    """

    tokens_per_second: float | None = None
    hours_per_week: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, float] = field(default_factory=dict)

    def share(self, pool: str) -> float:
        """Share of the time in which a pool's machines are up."""
        return self.hours_per_week.get(pool, HOURS_PER_WEEK) / HOURS_PER_WEEK


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One line of the bill; without `usd_per_month` either its price is not known, or how much of it is used.

    Attributes:
        quantity: None when it depends on use and nobody said how much that is.
        usd_per_month: of what runs all the time.
        usd_per_month_high: with every node that the pool may add.
        usage: name of `USAGES`, for what is paid by use.
        usd_per_unit: of that, when nobody said how much is used.
        unit: what `usd_per_unit` is the price of.
        source: of the price; empty without one.
        date: of the price.
        gpus: of the machines; 0 for everything else.
        idle_gpus: that run all the time and no model uses.
    """

    what: str
    quantity: float | None
    usd_per_month: float | None
    verified: bool = False
    source: str = ""
    date: str = ""
    usd_per_month_high: float | None = None
    usage: str = ""
    usd_per_unit: float | None = None
    unit: str = ""
    gpus: int = 0
    idle_gpus: int = 0

    @property
    def high(self) -> float:
        """The most that the line may come to."""
        return self.usd_per_month_high if self.usd_per_month_high is not None else self.usd_per_month or 0.0


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Something that is paid by use.

    Attributes:
        what: as the bill calls it.
        kind: of data/fixed_costs.csv; where that has no row, there is no price.
        unit: what is counted in a month.
    """

    what: str
    kind: str
    unit: str


USAGES: Final[Mapping[str, Usage]] = {
    "logs": Usage(what="logs of control plane, flows and names", kind="logs-gb", unit="GB"),
    "stored-logs": Usage(what="logs kept in CloudWatch", kind="stored-logs-gb-month", unit="GB-month"),
    "records": Usage(what="audit and access records in S3", kind="s3-standard-gb-month", unit="GB-month"),
    "trail-events": Usage(what="reads of weights in CloudTrail", kind="trail-million-events", unit="million events"),
    "metrics": Usage(what="metrics", kind="metric-month", unit="metric-month"),
    "queries": Usage(what="names that the firewall judged", kind="dns-firewall-million-queries", unit="million names"),
    "images": Usage(what="images in the registry", kind="ecr-gb-month", unit="GB-month"),
}
"""Name that `--usage` takes -> what it is."""


def fixed(what: str, kind: str, region: str, quantity: float) -> CostRow:
    """A line of `quantity` units at the price of data/fixed_costs.csv."""
    price = fixed_cost(kind, region)
    if price is None:
        return CostRow(what=what, quantity=quantity, usd_per_month=None)
    return _row(what, quantity, price, price.usd * quantity)


def some(what: str, kind: str, region: str, quantity: float) -> tuple[CostRow, ...]:
    """The same for what may not be there at all."""
    return (fixed(what, kind, region, quantity),) if quantity else ()


def used(names: Iterable[str], region: str, assumed: Assumed) -> tuple[CostRow, ...]:
    """Lines for what is paid by use: counted where somebody said how much, told with the unit's price otherwise."""
    return tuple(replace(_used(USAGES[name], region, assumed.usage.get(name)), usage=name) for name in names)


def _used(usage: Usage, region: str, quantity: float | None) -> CostRow:
    if quantity is not None:
        return fixed(f"{usage.what}: {quantity:g} {usage.unit}", usage.kind, region, quantity)
    price = fixed_cost(usage.kind, region)
    if price is None:
        return CostRow(what=usage.what, quantity=None, usd_per_month=None)
    return replace(_row(usage.what, None, price, None), usd_per_unit=price.usd, unit=usage.unit)


def pool_costs(
    region: str, pools: Mapping[str, NodePool], replicas: Mapping[str, Sequence[int]] | None, assumed: Assumed
) -> tuple[CostRow, ...]:
    """Machines of every pool, and their disks.

    Args:
        region: where.
        pools: by name.
        replicas: pool -> GPUs of each replica on it; None when it is not known who uses the machines.
        assumed: hours in which a pool is up.
    """
    held = {name: (replicas or {}).get(name, ()) for name in pools}
    counted = {name: _nodes(pool, held[name]) for name, pool in pools.items()}
    machines = (
        _machines(region, name, pool, counted[name], None if replicas is None else sum(held[name]), assumed)
        for name, pool in pools.items()
    )
    low, high = (
        fixed(
            "disks of nodes",
            "gp3-gb-month",
            region,
            sum(pool.disk_gib * counted[name][end] * assumed.share(name) for name, pool in pools.items()),
        )
        for end in (0, 1)
    )
    return (*machines, replace(low, usd_per_month_high=high.usd_per_month))


def _nodes(pool: NodePool, replicas: Sequence[int]) -> tuple[int, int]:
    """Machines that run all the time, what the pool keeps or its models need; and the most there may be."""
    nodes = max(pool.min_nodes, machines_for(replicas, instances.find(pool.instance_type).gpus))
    return nodes, max(pool.max_nodes, nodes)


def pool_price(pool: NodePool, region: str) -> tuple[Price, Price] | None:
    """USD an hour of one machine at the least and at the most: spot has a range, on demand has not."""
    if pool.capacity == "spot" and (found := spot(pool.instance_type, region)):
        return found
    price = on_demand(pool.instance_type, region)
    return None if price is None else (price, price)


def priced_by_spot(pool: NodePool, region: str) -> bool:
    """Whether `pool_price` is a range of spot prices."""
    return pool.capacity == "spot" and spot(pool.instance_type, region) is not None


def _machines(
    region: str, name: str, pool: NodePool, nodes: tuple[int, int], wanted: int | None, assumed: Assumed
) -> CostRow:
    machine = instances.find(pool.instance_type)
    price = pool_price(pool, region)
    what = f"node pool {name}: {nodes[0]} x {machine.name}"
    if pool.capacity == "spot":
        what += ", spot"
        if price is not None and not priced_by_spot(pool, region):
            what += " at the on-demand price: no spot price is known"
    if name in assumed.hours_per_week:
        what += f", {assumed.hours_per_week[name]:g} of {HOURS_PER_WEEK} hours a week"
    gpus = nodes[0] * machine.gpus
    if price is None:
        row = CostRow(what=what, quantity=nodes[0], usd_per_month=None)
    else:
        low, high = price
        hours = HOURS_PER_MONTH * assumed.share(name)
        row = replace(
            _row(what, nodes[0], low, low.usd * nodes[0] * hours), usd_per_month_high=high.usd * nodes[1] * hours
        )
    idle = gpus - wanted if machine.gpus and wanted is not None else 0
    return replace(row, gpus=gpus, idle_gpus=idle)


def _row(what: str, quantity: float | None, price: Price, usd_per_month: float | None) -> CostRow:
    return CostRow(
        what=what,
        quantity=quantity,
        usd_per_month=usd_per_month,
        verified=price.verified,
        source=price.source,
        date=price.date,
    )
