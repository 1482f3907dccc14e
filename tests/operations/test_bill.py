"""Lines of a bill: pools with their ranges, what is paid by use, and whose price each line has."""

import pytest

from components.catalog import prices
from components.catalog.instances import read
from components.settings.cluster import NodePool
from operations.bill import USAGES, Assumed, CostRow, fixed, pool_costs, pool_price, some, used

REGION = "eu-central-1"


def pool(**changes: object) -> NodePool:
    return NodePool.model_validate({"instance_type": "g6.xlarge", "min_nodes": 1, "max_nodes": 3} | changes)


def machines(only: NodePool, *replicas: int, region: str = REGION, **hours: float) -> CostRow:
    """The line of one pool named `gpu`."""
    return pool_costs(region, {"gpu": only}, {"gpu": replicas}, Assumed(hours_per_week=hours))[0]


def test_a_pool_costs_what_always_runs_and_at_most_what_it_may_grow_to() -> None:
    hourly = prices.on_demand_usd_per_hour("g6.xlarge", REGION)
    assert hourly
    row = machines(pool(), 1, 1)
    assert (row.what, row.quantity, row.gpus, row.idle_gpus) == ("node pool gpu: 2 x g6.xlarge", 2, 2, 0)
    assert row.usd_per_month == pytest.approx(2 * 730 * hourly)
    assert row.high == pytest.approx(3 * 730 * hourly)
    assert (row.source, row.date, row.verified) == ("public price catalogue at 00148f2af367", "2026-01", False)


def test_gpus_are_idle_only_where_it_is_known_who_uses_them() -> None:
    assert machines(pool()).idle_gpus == 1
    assert pool_costs(REGION, {"gpu": pool()}, None, Assumed())[0].idle_gpus == 0


def test_a_spot_pool_costs_from_the_cheapest_to_the_dearest_zone() -> None:
    found = prices.spot("g6.xlarge", REGION)
    assert found
    row = machines(pool(capacity="spot"))
    assert row.what == "node pool gpu: 1 x g6.xlarge, spot"
    assert row.usd_per_month == pytest.approx(730 * found[0].usd)
    assert row.high == pytest.approx(3 * 730 * found[1].usd)
    assert row.source == "public price catalogue at 00148f2af367: lowest and highest zone"


def test_spot_without_a_spot_price_costs_what_on_demand_does_and_says_so() -> None:
    (name, region), *_ = sorted(set(prices._on_demand()) - set(prices._spot()))
    hourly = prices.on_demand_usd_per_hour(name, region)
    assert hourly
    row = machines(pool(instance_type=name, capacity="spot"), region=region)
    assert row.what == f"node pool gpu: 1 x {name}, spot at the on-demand price: no spot price is known"
    assert row.usd_per_month == pytest.approx(730 * hourly)


@pytest.mark.parametrize(("capacity", "words"), [("on-demand", ""), ("spot", ", spot")])
def test_a_machine_without_any_price_has_no_amount_and_no_source(capacity: str, words: str) -> None:
    row = machines(pool(instance_type="g7e.2xlarge", capacity=capacity))
    assert row.what == f"node pool gpu: 1 x g7e.2xlarge{words}"
    assert (row.usd_per_month, row.high, row.source, row.gpus) == (None, 0.0, "", 1)
    assert pool_price(pool(instance_type="g7e.2xlarge"), REGION) is None


def test_hours_a_week_shorten_machines_and_their_disks_only() -> None:
    pools = {"system": pool(instance_type="m7i.large", disk_gib=100), "gpu": pool(disk_gib=300)}
    always = pool_costs(REGION, pools, {}, Assumed())
    system, gpu, disks = pool_costs(REGION, pools, {}, Assumed(hours_per_week={"gpu": 42}))
    assert system == always[0]
    assert gpu.what == "node pool gpu: 1 x g6.xlarge, 42 of 168 hours a week"
    assert gpu.usd_per_month == pytest.approx((always[1].usd_per_month or 0) / 4)
    assert gpu.high == pytest.approx(always[1].high / 4)
    price = prices.fixed_cost("gp3-gb-month", REGION)
    assert price
    assert disks.usd_per_month == pytest.approx(price.usd * (100 + 300 / 4))
    assert disks.high == pytest.approx(price.usd * 3 * (100 + 300 / 4))


def test_what_is_paid_by_use_has_its_units_price_until_somebody_says_how_much() -> None:
    (open_,) = used(["logs"], REGION, Assumed())
    assert (open_.usage, open_.quantity, open_.usd_per_month) == ("logs", None, None)
    assert (open_.usd_per_unit, open_.unit, open_.date) == (0.63, "GB", "2025-01")
    (counted,) = used(["logs"], REGION, Assumed(usage={"logs": 40}))
    assert counted.what == "logs of control plane, flows and names: 40 GB"
    assert counted.usd_per_month == pytest.approx(40 * 0.63)
    assert counted.usd_per_unit is None


def test_no_price_is_invented_for_what_has_none() -> None:
    for usage in (Assumed(), Assumed(usage={"metrics": 100})):
        (row,) = used(["metrics"], REGION, usage)
        assert (row.usd_per_month, row.usd_per_unit, row.source) == (None, None, "")
    (logs,) = used(["logs"], "eu-north-1", Assumed(usage={"logs": 1}))
    assert (logs.quantity, logs.usd_per_month) == (1, None)


def test_every_usage_is_of_a_known_kind_or_of_one_that_has_no_price_anywhere() -> None:
    kinds = {row["kind"] for row in read("fixed_costs.csv")}
    without = {name for name, usage in USAGES.items() if usage.kind not in kinds}
    assert without == {"stored-logs", "trail-events", "metrics"}, "the data's README names them"


def test_a_line_of_units_has_its_prices_source_and_nothing_of_nothing_is_no_line() -> None:
    row = fixed("KMS keys", "kms-key-month", REGION, 2)
    assert (row.usd_per_month, row.source, row.date) == (2.0, "AWS KMS pricing, the same in every region", "2026-01")
    assert some("KMS keys", "kms-key-month", REGION, 2) == (row,)
    assert some("KMS keys", "kms-key-month", REGION, 0) == ()
