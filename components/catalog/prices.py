"""What things cost in US dollars, before tax and discounts, with source and age."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from components.catalog.instances import read

HOURS_PER_MONTH: Final = 730


@dataclass(frozen=True, kw_only=True)
class Price:
    """One price and how far it can be trusted.

    Attributes:
        verified: whether somebody compared it with the provider's own price list at `date`.
    """

    usd: float
    source: str
    date: str
    verified: bool


def on_demand_usd_per_hour(name: str, region: str) -> float | None:
    """The machine type's on-demand price, or None where no source gives one; it says nothing about availability.

    Source: components/catalog/data/README.md.
    """
    return _on_demand().get((name, region))


def on_demand_usd_per_month(name: str, region: str) -> float | None:
    """The same for a month of 730 hours."""
    hourly = on_demand_usd_per_hour(name, region)
    return None if hourly is None else hourly * HOURS_PER_MONTH


def spot_usd_per_hour(name: str, region: str) -> tuple[float, float] | None:
    """The lowest and the highest zone's spot price on the day of the catalogue; it moves every hour."""
    return _spot().get((name, region))


def managed_usd_per_hour(gpu: str, gpus: int) -> float | None:
    """What Hugging Face asks for an endpoint on AWS with so many GPUs; None where it offers none.

    Args:
        gpu: as `Gpu.name`.
        gpus: of one replica.
    """
    return _managed().get((gpu, gpus))


def fixed_cost(kind: str, region: str) -> Price | None:
    """The price of a service's unit in a region, or None where no source gives one.

    Args:
        kind: a name of the first column of data/fixed_costs.csv, such as `eks-control-plane-hour`.
        region: where.
    """
    return _fixed_costs().get((kind, region))


@lru_cache
def _on_demand() -> dict[tuple[str, str], float]:
    return {(row["type"], row["region"]): float(row["usd_per_hour"]) for row in read("prices.csv")}


@lru_cache
def _spot() -> dict[tuple[str, str], tuple[float, float]]:
    return {
        (row["type"], row["region"]): (float(row["usd_per_hour_min"]), float(row["usd_per_hour_max"]))
        for row in read("spot_prices.csv")
    }


@lru_cache
def _managed() -> dict[tuple[str, int], float]:
    return {(row["gpu"], int(row["gpus"])): float(row["usd_per_hour"]) for row in read("managed_prices.csv")}


@lru_cache
def _fixed_costs() -> dict[tuple[str, str], Price]:
    return {
        (row["kind"], row["region"]): Price(
            usd=float(row["usd"]), source=row["source"], date=row["date"], verified=row["verified"] == "yes"
        )
        for row in read("fixed_costs.csv")
    }
