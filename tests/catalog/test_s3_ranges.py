from ipaddress import IPv4Network
from itertools import combinations

import pytest

from components.catalog.instances import read
from components.catalog.regions import EU_REGIONS
from components.catalog.s3_ranges import FITS_ACCESS_LIST, s3_prefix_list, s3_ranges


@pytest.mark.parametrize("region", EU_REGIONS)
def test_ranges_are_public_sorted_and_never_overlap(region: str) -> None:
    ranges = [IPv4Network(text) for text in s3_ranges(region)]
    assert ranges
    assert ranges == sorted(ranges)
    assert all(each.is_global for each in ranges)
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))


@pytest.mark.parametrize("region", EU_REGIONS)
def test_ranges_fit_a_network_acl_beside_the_vpcs_own(region: str) -> None:
    assert len(s3_ranges(region)) <= FITS_ACCESS_LIST


@pytest.mark.parametrize("region", EU_REGIONS)
def test_joining_adjacent_ranges_loses_and_adds_no_address(region: str) -> None:
    published = [IPv4Network(row["cidr"]) for row in read("s3_ranges.csv") if row["region"] == region]
    joined = [IPv4Network(text) for text in s3_ranges(region)]
    assert sum(each.num_addresses for each in joined) == sum(each.num_addresses for each in published)
    assert all(any(each.subnet_of(whole) for whole in joined) for each in published)


def test_the_number_of_ranges_of_each_region_is_the_published_one() -> None:
    assert {region: len(s3_ranges(region)) for region in EU_REGIONS} == {
        "eu-central-1": 15,
        "eu-north-1": 9,
        "eu-south-1": 10,
        "eu-south-2": 8,
        "eu-west-1": 10,
        "eu-west-3": 10,
        "eusc-de-east-1": 1,
    }


def test_known_addresses_of_s3_are_covered() -> None:
    # prod-eu-central-1-starport-layer-bucket, as DNS answered in a public packet trace.
    assert any("52.219.75.128" in map(str, IPv4Network(text)) for text in s3_ranges("eu-central-1"))
    assert s3_ranges("us-east-1") == ()


def test_prefix_lists_are_known_by_region_and_their_ids_repeat() -> None:
    assert s3_prefix_list("eu-central-1") == "pl-6ea54007"
    assert s3_prefix_list("eu-south-1") == s3_prefix_list("eu-south-2")
    assert s3_prefix_list("eusc-de-east-1") is None


@pytest.mark.parametrize("file", ["s3_ranges.csv", "s3_prefix_lists.csv"])
def test_every_row_says_where_it_comes_from_and_when(file: str) -> None:
    for row in read(file):
        assert row["region"] in EU_REGIONS
        assert row["source"]
        assert row["date"].startswith("202")
