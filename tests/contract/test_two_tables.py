"""What the components and the policy pack both know, each by itself: written twice on purpose, and equal."""

import csv

from components.catalog.regions import EU_REGIONS
from components.catalog.s3_ranges import s3_prefix_list, s3_ranges
from components.catalog.vpc_endpoints import ADD_ON_REGISTRY_ACCOUNTS
from components.settings.load import ROOT
from policies.guardrails.facts import EKS_REGISTRY_ACCOUNTS
from policies.guardrails.s3_ranges import S3_PREFIX_LISTS, S3_RANGES


def test_the_ranges_of_storage_are_the_same() -> None:
    assert {region: s3_ranges(region) for region in EU_REGIONS if s3_ranges(region)} == dict(S3_RANGES)


def test_the_prefix_lists_of_storage_are_the_same() -> None:
    known = {region: s3_prefix_list(region) for region in EU_REGIONS}
    assert {region: found for region, found in known.items() if found} == dict(S3_PREFIX_LISTS)


def test_the_registries_of_add_ons_are_the_same() -> None:
    assert set(ADD_ON_REGISTRY_ACCOUNTS.values()) == EKS_REGISTRY_ACCOUNTS


def test_every_range_of_storage_says_where_it_comes_from() -> None:
    with (ROOT / "components" / "catalog" / "data" / "s3_ranges.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 60
    assert all(row["source"] and row["date"] for row in rows)
