"""What things cost in US dollars, before tax and discounts, with source and age."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from components.catalog.instances import read

HOURS_PER_MONTH: Final = 730
PRICE_LIST: Final = "AWS Price List Query API, GetProducts"
"""Source of what `cloister prices refresh` wrote: AWS's own list, hence verified."""


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


@dataclass(frozen=True, kw_only=True)
class ManagedMachine:
    """What Hugging Face runs an endpoint's replica on, and its price an hour."""

    gpu: str
    gpus: int
    price: Price


def on_demand(name: str, region: str) -> Price | None:
    """The machine type's on-demand price an hour, or None where no source gives one; no word about availability."""
    return _on_demand().get((name, region))


def on_demand_usd_per_hour(name: str, region: str) -> float | None:
    """The same as a bare number."""
    price = on_demand(name, region)
    return None if price is None else price.usd


def spot(name: str, region: str) -> tuple[Price, Price] | None:
    """The lowest and the highest zone's spot price an hour on the day of the catalogue; it moves every hour."""
    return _spot().get((name, region))


def managed(gpu: str, gpus: int) -> Price | None:
    """What Hugging Face asks an hour for an endpoint on AWS with so many GPUs; None where it offers none.

    Args:
        gpu: as `Gpu.name`.
        gpus: of one replica.
    """
    return next((it.price for it in _managed().values() if (it.gpu, it.gpus) == (gpu, gpus)), None)


def managed_machine(instance_type: str, size: str) -> ManagedMachine | None:
    """The same by Hugging Face's own names, such as `nvidia-l4` and `x1`; None where it lists no such machine."""
    return _managed().get((instance_type, size))


def fixed_cost(kind: str, region: str) -> Price | None:
    """The price of a service's unit in a region, or None where no source gives one.

    Args:
        kind: a name of the first column of data/fixed_costs.csv, such as `eks-control-plane-hour`.
        region: where.
    """
    return _fixed_costs().get((kind, region))


def _price(row: dict[str, str], column: str, *, verified: bool = False) -> Price:
    return Price(usd=float(row[column]), source=row["source"], date=row["date"], verified=verified)


@lru_cache
def _on_demand() -> dict[tuple[str, str], Price]:
    return {
        (row["type"], row["region"]): _price(row, "usd_per_hour", verified=row["source"] == PRICE_LIST)
        for row in read("prices.csv")
    }


@lru_cache
def _spot() -> dict[tuple[str, str], tuple[Price, Price]]:
    return {
        (row["type"], row["region"]): (_price(row, "usd_per_hour_min"), _price(row, "usd_per_hour_max"))
        for row in read("spot_prices.csv")
    }


@lru_cache
def _managed() -> dict[tuple[str, str], ManagedMachine]:
    return {
        (row["instance_type"], row["size"]): ManagedMachine(
            gpu=row["gpu"], gpus=int(row["gpus"]), price=_price(row, "usd_per_hour")
        )
        for row in read("managed_prices.csv")
    }


@lru_cache
def _fixed_costs() -> dict[tuple[str, str], Price]:
    return {
        (row["kind"], row["region"]): _price(row, "usd", verified=row["verified"] == "yes")
        for row in read("fixed_costs.csv")
    }
