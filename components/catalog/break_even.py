"""What a load costs by each way of keeping a model at hand: always on, woken by requests, managed by somebody else."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from components.catalog.prices import HOURS_PER_MONTH

FULL: Final = 0.7
"""Share of a replica's throughput that a plan may use: requests do not come evenly."""
SECONDS_PER_DAY: Final = 86_400
CERTAIN: Final = 50.0
"""Requests expected in the idle time from which on a replica never sleeps: e^-50 is nothing."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests that come at random, one independent of the other.

    Args:
        requests_per_hour: on average, day and night.
        answer_tokens: of one answer on average.
    """

    requests_per_hour: float
    answer_tokens: int


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """How a replica sleeps and wakes.

    Args:
        idle_seconds: without a request before it sleeps.
        start_seconds: from the request that wakes it until its answer begins; the machine is paid for.
    """

    idle_seconds: float
    start_seconds: float


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way and what it costs.

    Attributes:
        replicas: that the load needs at `FULL` use.
        awake: share of the time in which machines are paid for.
        usd_per_month: machines, and what stands whether or not anybody asks.
        usd_per_million_tokens: of answers; None without any.
        waiting_per_day: requests that wait for a start.
    """

    name: str
    replicas: int
    awake: float
    usd_per_month: float
    usd_per_million_tokens: float | None
    waiting_per_day: float


def replicas_for(load: Load, tokens_per_second: float) -> int:
    """Replicas that keep up.

    Args:
        load: what comes.
        tokens_per_second: answer tokens of one replica under full load, as measured.
    """
    wanted = load.requests_per_hour * load.answer_tokens / 3600
    return max(1, math.ceil(wanted / (tokens_per_second * FULL)))


def awake_share(requests_per_hour: float, sleep: Sleep) -> float:
    """Share of the time in which a replica is starting or up, when requests come at random."""
    rate = requests_per_hour / 3600
    if rate <= 0:
        return 0.0
    if rate * sleep.idle_seconds > CERTAIN:
        return 1.0
    awake = _awake_seconds(rate, sleep)
    return awake / (awake + 1 / rate)


def waiting_per_day(requests_per_hour: float, sleep: Sleep) -> float:
    """Requests a day that wait: the one that wakes a replica, and those that come while it starts."""
    rate = requests_per_hour / 3600
    if rate <= 0 or rate * sleep.idle_seconds > CERTAIN:
        return 0.0
    cycle = _awake_seconds(rate, sleep) + 1 / rate
    return SECONDS_PER_DAY / cycle * (1 + rate * sleep.start_seconds)


def _awake_seconds(rate: float, sleep: Sleep) -> float:
    """Seconds from waking to sleeping: a gap of at least the idle time is awaited for (e^(rate x idle) - 1) / rate.

    Sleep then lasts 1 / rate, until the next request.

    Source: S. Ross, Introduction to Probability Models, renewal reward; pattern times of a Poisson process.
    """
    return sleep.start_seconds + math.expm1(rate * sleep.idle_seconds) / rate


def always_on(name: str, load: Load, usd_per_hour: float, tokens_per_second: float, fixed_usd: float = 0.0) -> Way:
    """Machines that never sleep.

    Args:
        name: of the way.
        load: what comes.
        usd_per_hour: of one replica's machine.
        tokens_per_second: answer tokens of one replica under full load.
        fixed_usd: a month, whether or not anybody asks.
    """
    count = replicas_for(load, tokens_per_second)
    return _way(name, load, count, 1.0, count * usd_per_hour * HOURS_PER_MONTH + fixed_usd, 0.0)


def woken(
    name: str, load: Load, usd_per_hour: float, tokens_per_second: float, sleep: Sleep, fixed_usd: float = 0.0
) -> Way:
    """Machines that sleep when nobody asks; arguments as in `always_on`."""
    count = replicas_for(load, tokens_per_second)
    share = awake_share(load.requests_per_hour, sleep)
    monthly = count * usd_per_hour * HOURS_PER_MONTH * share + fixed_usd
    return _way(name, load, count, share, monthly, waiting_per_day(load.requests_per_hour, sleep))


def _way(name: str, load: Load, replicas: int, awake: float, usd_per_month: float, waiting: float) -> Way:
    tokens = load.requests_per_hour * load.answer_tokens * HOURS_PER_MONTH
    return Way(
        name=name,
        replicas=replicas,
        awake=awake,
        usd_per_month=usd_per_month,
        usd_per_million_tokens=usd_per_month / tokens * 1e6 if tokens else None,
        waiting_per_day=waiting,
    )


def requests_grid(highest: float, points: int = 121) -> list[float]:
    """Requests an hour from one in ten hours up to the highest, evenly on a logarithmic scale."""
    lowest = 0.1
    step = math.log(max(highest, 10 * lowest) / lowest) / (points - 1)
    return [lowest * math.exp(step * number) for number in range(points)]


def crossings(
    first: Callable[[float], float], second: Callable[[float], float], grid: Sequence[float]
) -> list[tuple[float, bool]]:
    """Where two costs cross, as (requests an hour, whether the first is the cheaper one above).

    Args:
        first: requests an hour -> USD a month.
        second: likewise.
        grid: rising; between two of its points one crossing is found, by halving.
    """
    found = []
    for low, high in pairwise(grid):
        before, after = first(low) - second(low), first(high) - second(high)
        if before * after < 0:
            while high / low > 1.001:
                middle = math.sqrt(low * high)
                if (first(middle) - second(middle)) * before > 0:
                    low = middle
                else:
                    high = middle
            found.append((high, after < 0))
    return found
