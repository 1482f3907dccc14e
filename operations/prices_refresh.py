"""Brings the catalogue's on-demand prices up to date from AWS's own price list."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from components.catalog.instances import DATA
from components.catalog.prices import PRICE_LIST
from operations.errors import CommandError
from operations.files import write_whole

API_REGION: Final = "eu-central-1"
"""One of three regions that answer for the price list, and the one in the EU."""
COLUMNS: Final = ("type", "region", "usd_per_hour", "source", "date")
FILTERS: Final = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "licenseModel": "No License required",
}
Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One price that is not what it was; `before` is None for a new one."""

    instance: str
    region: str
    before: float | None
    after: float


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What a refresh found.

    Attributes:
        kept: rows that AWS's list does not have; they keep their source and date.
    """

    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    confirmed: int
    kept: int


def refresh(
    client: Any,
    regions: Iterable[str],
    known: frozenset[str],
    date: str,
    told: Callable[[str], None] = lambda _: None,
    path: Path = DATA / "prices.csv",
) -> Refreshed:
    """Read the list for some regions and rewrite the file, whole or not at all.

    Args:
        client: boto3's `pricing`.
        regions: whose prices are asked for.
        known: machine types of the catalogue.
        date: of today, ISO.
        told: is given a line for each region.
        path: the catalogue's file.

    Raises:
        CommandError: AWS refuses, or gives no price at all for a region; the file is as it was.
    """
    found: dict[tuple[str, str], float] = {}
    for region in regions:
        prices: dict[str, float] = {}
        for instance, usd in _prices(client, region, known):
            if prices.setdefault(instance, usd) != usd:
                both = f"{prices[instance]:g} and {usd:g} USD"
                raise CommandError(f"{instance} in {region}: the price list has {both}; nothing was written")
        if not prices:
            raise CommandError(
                f"no price in {region}: the price list has nothing for it, or has another form; nothing was written"
            )
        told(f"{region}: {len(prices)} prices")
        found |= {(instance, region): usd for instance, usd in prices.items()}
    with path.open(encoding="utf-8", newline="") as file:
        result = merged(list(csv.DictReader(file)), found, date)
    write_whole(path, as_csv(result.rows))
    return result


def merged(rows: Iterable[Row], found: Mapping[tuple[str, str], float], date: str) -> Refreshed:
    """The rows of the file with what was found; a price that was found is AWS's own and of today."""
    before = {(row["type"], row["region"]): row for row in rows}
    fresh = {
        (instance, region): {
            "type": instance,
            "region": region,
            "usd_per_hour": f"{usd:.6f}".rstrip("0").rstrip("."),
            "source": PRICE_LIST,
            "date": date,
        }
        for (instance, region), usd in found.items()
    }
    changes = [
        Change(
            instance=place[0],
            region=place[1],
            before=float(before[place]["usd_per_hour"]) if place in before else None,
            after=usd,
        )
        for place, usd in sorted(found.items())
        if place not in before or float(before[place]["usd_per_hour"]) != usd
    ]
    everything = before | fresh
    return Refreshed(
        rows=tuple(everything[place] for place in sorted(everything)),
        changes=tuple(changes),
        confirmed=len(found) - len(changes),
        kept=len(set(before) - set(found)),
    )


def as_csv(rows: Iterable[Row]) -> str:
    """The file's text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _prices(client: Any, region: str, known: frozenset[str]) -> Iterator[tuple[str, float]]:
    """Machine types of the catalogue and their price in one region.

    Source: AWS Price List Query API, GetProducts; its answers hold each product as JSON text.
    """
    wanted = FILTERS | {"regionCode": region}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    try:
        for page in client.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", Filters=filters):
            for text in page["PriceList"]:
                product = json.loads(text)
                instance = product["product"]["attributes"].get("instanceType")
                if instance in known:
                    yield from ((instance, usd) for usd in _hourly(product))
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"AWS's price list in {API_REGION}: {error}; nothing was written") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CommandError(
            f"AWS's price list for {region} has an unknown form ({error}); nothing was written"
        ) from None


def _hourly(product: Mapping[str, Any]) -> Iterator[float]:
    for term in product["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            usd = float(dimension["pricePerUnit"]["USD"])
            # Reservations and free tiers are listed at 0.
            if dimension["unit"] == "Hrs" and usd > 0:
                yield usd
