"""What is published of S3's prefix lists, from the catalogue's files: identifiers and ranges by region."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import components.catalog


def prefix_list_id(region: str) -> str | None:
    """The published identifier of S3's prefix list, such as pl-6ea54007; None where none is published."""
    found = _column("s3_prefix_lists.csv", "prefix_list_id").get(region)
    return found[0] if found else None


def ranges(region: str) -> tuple[str, ...]:
    """S3's published ranges of a region; empty where the catalogue has none."""
    return _column("s3_ranges.csv", "cidr").get(region, ())


@cache
def _column(file: str, column: str) -> Mapping[str, tuple[str, ...]]:
    path = Path(components.catalog.__file__).parent / "data" / file
    values: dict[str, tuple[str, ...]] = {}
    with path.open(newline="") as rows:
        for row in csv.DictReader(rows):
            values[row["region"]] = (*values.get(row["region"], ()), row[column])
    return values
