"""`cloister prices refresh`: what AWS's list says is taken, and half an answer changes nothing."""

import csv
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from components.catalog.prices import PRICE_LIST
from operations.errors import CommandError
from operations.prices_refresh import FILTERS, as_csv, merged, refresh

KNOWN = frozenset({"g6e.xlarge", "m7i.large"})
BEFORE = [
    {
        "type": "g6e.xlarge",
        "region": "eu-central-1",
        "usd_per_hour": "2.327",
        "source": "a catalogue",
        "date": "2026-01",
    },
    {"type": "m7i.large", "region": "eu-central-1", "usd_per_hour": "0.12075", "source": "scaled", "date": "2026-01"},
    {"type": "g6e.xlarge", "region": "eu-north-1", "usd_per_hour": "1.98", "source": "a catalogue", "date": "2026-01"},
]


def product(instance: str, usd: str, unit: str = "Hrs") -> str:
    dimensions = {
        "sku.term.rate": {"unit": unit, "pricePerUnit": {"USD": usd}},
        "sku.term.free": {"unit": "Hrs", "pricePerUnit": {"USD": "0.0000000000"}},
    }
    terms = {"OnDemand": {"sku.term": {"priceDimensions": dimensions}}, "Reserved": {}}
    return json.dumps({"product": {"attributes": {"instanceType": instance}}, "terms": terms})


def client(*answers: list[list[str]] | str) -> Any:
    """AWS's client with one answer for each region: pages of products, or an error's code."""
    made = boto3.client("pricing", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
    stubber = Stubber(made)
    for answer in answers:
        if isinstance(answer, str):
            stubber.add_client_error("get_products", answer)
            continue
        for number, page in enumerate(answer):
            token = {"NextToken": str(number)} if number + 1 < len(answer) else {}
            stubber.add_response("get_products", {"PriceList": page, **token})
    stubber.activate()
    return made


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(as_csv(BEFORE), encoding="utf-8")
    return path


def rows(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["type"], row["region"]): row for row in csv.DictReader(file)}


def test_prices_of_all_pages_are_taken_and_others_are_kept(prices: Path) -> None:
    pages = [
        [product("g6e.xlarge", "2.4000000000"), product("c7i.large", "0.1")],
        [product("m7i.large", "0.1207500000")],
    ]
    found = refresh(client(pages), ["eu-central-1"], KNOWN, "2026-11-26", path=prices)
    assert [(change.instance, change.before, change.after) for change in found.changes] == [("g6e.xlarge", 2.327, 2.4)]
    assert (found.confirmed, found.kept) == (1, 1)
    after = rows(prices)
    assert after["g6e.xlarge", "eu-central-1"]["usd_per_hour"] == "2.4"
    assert after["m7i.large", "eu-central-1"] == {
        "type": "m7i.large",
        "region": "eu-central-1",
        "usd_per_hour": "0.12075",
        "source": PRICE_LIST,
        "date": "2026-11-26",
    }
    assert after["g6e.xlarge", "eu-north-1"]["date"] == "2026-01"
    assert not any("c7i" in instance for instance, _ in after)
    assert [path.name for path in prices.parent.iterdir()] == ["prices.csv"]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (([[product("g6e.xlarge", "2.4")]], "AccessDeniedException"), "AccessDeniedException"),
        (([[product("g6e.xlarge", "2.4")]], [[]]), "no price in eu-north-1"),
        (([[product("g6e.xlarge", "2.4")]], [["{"]]), "has an unknown form"),
        (([[product("g6e.xlarge", "60"), product("g6e.xlarge", "31.464")]],), "has 60 and 31.464 USD"),
        (([[product("g6e.xlarge", "2.4")]], [['{"product": {}}']]), "has an unknown form"),
        (([[product("g6e.xlarge", "2.4")]], [[product("g6e.xlarge", "2.4", "Quantity")]]), "no price in eu-north-1"),
    ],
)
def test_half_an_answer_changes_nothing(prices: Path, answers: Any, problem: str) -> None:
    before = prices.read_bytes()
    with pytest.raises(CommandError, match=problem) as refused:
        refresh(client(*answers), ["eu-central-1", "eu-north-1"], KNOWN, "2026-11-26", path=prices)
    assert "nothing was written" in str(refused.value)
    assert prices.read_bytes() == before


def test_a_price_is_asked_for_a_plain_linux_machine_of_one_region() -> None:
    assert FILTERS["operatingSystem"] == "Linux"
    assert FILTERS["tenancy"] == "Shared"
    assert FILTERS["capacitystatus"] == "Used"


def test_a_new_price_has_no_before() -> None:
    found = merged([], {("g6e.xlarge", "eu-west-3"): 2.0}, "2026-11-26")
    assert [(change.before, change.after) for change in found.changes] == [(None, 2.0)]
    assert (
        as_csv(found.rows).splitlines()[1]
        == 'g6e.xlarge,eu-west-3,2,"AWS Price List Query API, GetProducts",2026-11-26'
    )
