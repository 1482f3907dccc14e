"""The arithmetic of sleeping machines, compared with machines that sleep."""

import random

import pytest

from components.catalog import break_even
from components.catalog.break_even import Load, Sleep, always_on, awake_share, crossings, requests_grid, woken
from components.catalog.instances import all_types, read
from components.catalog.prices import managed, managed_machine, on_demand_usd_per_hour, spot

SLEEP = Sleep(idle_seconds=900, start_seconds=420)


def simulated(requests_per_hour: float, sleep: Sleep, requests: int) -> tuple[float, float]:
    """Share of the time awake, and requests a day that wait, told by playing it through."""
    chance = random.Random(7)
    now = awake = 0.0
    asleep_at, ready_at, waiting = 0.0, 0.0, 0
    for _ in range(requests):
        now += chance.expovariate(requests_per_hour / 3600)
        if now >= asleep_at:
            ready_at, waiting = now + sleep.start_seconds, waiting + 1
            asleep_at = ready_at + sleep.idle_seconds
            awake += asleep_at - now
        else:
            waiting += now < ready_at
            later = max(now, ready_at) + sleep.idle_seconds
            awake += later - asleep_at
            asleep_at = later
    return awake / now, waiting / now * 86_400


@pytest.mark.parametrize("requests_per_hour", [0.2, 1, 4, 12])
def test_the_formula_is_what_a_simulation_gives(requests_per_hour: float) -> None:
    share, waiting = simulated(requests_per_hour, SLEEP, 200_000)
    assert awake_share(requests_per_hour, SLEEP) == pytest.approx(share, rel=0.02)
    assert break_even.waiting_per_day(requests_per_hour, SLEEP) == pytest.approx(waiting, rel=0.03)


def test_nobody_asks_and_nothing_runs() -> None:
    assert awake_share(0, SLEEP) == 0.0
    assert woken("woken", Load(requests_per_hour=0, answer_tokens=300), 2.0, 900, SLEEP).usd_per_month == 0.0


def test_a_busy_machine_never_sleeps() -> None:
    assert awake_share(10_000, SLEEP) == 1.0
    assert break_even.waiting_per_day(10_000, SLEEP) == 0.0


def test_replicas_keep_up_with_seven_tenths_of_their_throughput() -> None:
    load = Load(requests_per_hour=36_000, answer_tokens=300)
    way = always_on("on", load, 2.0, 1000)
    assert way.replicas == 5  # 3,000 tokens a second over 700
    assert way.usd_per_month == pytest.approx(5 * 2.0 * 730)
    assert way.usd_per_million_tokens == pytest.approx(7300 / (36_000 * 300 * 730 / 1e6))


def test_what_stands_anyway_is_paid_asleep_too() -> None:
    load = Load(requests_per_hour=0.1, answer_tokens=1)
    assert woken("woken", load, 2.0, 900, SLEEP, 500).usd_per_month > 500


def test_crossings_say_which_is_cheaper_above() -> None:
    ((place, first_is_cheaper_above),) = crossings(lambda _: 100.0, lambda rate: 10 * rate, requests_grid(1000))
    assert place == pytest.approx(10, rel=0.01)
    assert first_is_cheaper_above
    assert crossings(lambda _: 1.0, lambda _: 2.0, requests_grid(1000)) == []


def test_the_grid_reaches_from_a_request_in_ten_hours_to_the_highest() -> None:
    grid = requests_grid(5000)
    assert grid[0] == pytest.approx(0.1)
    assert grid[-1] == pytest.approx(5000)
    assert grid == sorted(grid)


def test_every_price_says_whence_and_when() -> None:
    for name in ("prices.csv", "offerings.csv", "spot_prices.csv", "managed_prices.csv", "fixed_costs.csv"):
        assert all(row["source"] and row["date"] for row in read(name)), name


def test_spot_and_managed_prices_are_of_things_that_exist() -> None:
    assert {row["type"] for row in read("spot_prices.csv")} <= set(all_types())
    gpus = {machine.gpu.name for machine in all_types().values() if machine.gpu}
    assert {row["gpu"] for row in read("managed_prices.csv")} <= gpus
    price = managed("L40S", 1)
    assert price
    assert (price.usd, price.date) == (1.8, "2025")
    assert managed("H100", 1) is None
    machine = managed_machine("nvidia-l40s", "x1")
    assert machine
    assert (machine.gpu, machine.gpus, machine.price) == ("L40S", 1, price)
    assert managed_machine("nvidia-l40s", "x3") is None


def test_spot_is_not_dearer_than_twice_on_demand() -> None:
    """A column that slipped would show here."""
    for row in read("spot_prices.csv"):
        found = spot(row["type"], row["region"])
        assert found
        low, high = (price.usd for price in found)
        on_demand = on_demand_usd_per_hour(row["type"], row["region"])
        assert 0 < low <= high
        assert on_demand is None or high <= 2 * on_demand, row
