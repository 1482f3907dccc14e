from collections.abc import Mapping
from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.network.layout import (
    ZoneLayout,
    addresses_needed,
    addresses_offered,
    layout,
    layout_problems,
    pods_per_node,
)
from components.settings.errors import SettingsError

ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
LETTERS = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True)
PRIVATE = st.tuples(st.integers(16, 20), st.integers(0, 255)).map(lambda pair: f"10.{pair[1]}.0.0/{pair[0]}")
PODS = st.none() | st.tuples(st.integers(16, 20), st.integers(64, 127)).map(lambda pair: f"100.{pair[1]}.0.0/{pair[0]}")


def named(letters: list[str]) -> list[str]:
    return [f"eu-central-1{letter}" for letter in letters]


def ranges(zones: Mapping[str, ZoneLayout]) -> list[IPv4Network]:
    return [
        IPv4Network(cidr)
        for zone in zones.values()
        for cidr in (*zone.inner_cidrs, zone.endpoint_cidr, zone.runner_cidr)
    ]


@given(cidr=PRIVATE, letters=LETTERS, pod_cidr=PODS)
def test_subnets_lie_inside_the_ranges_and_never_overlap(cidr: str, letters: list[str], pod_cidr: str | None) -> None:
    found = ranges(layout(cidr, named(letters), pod_cidr))
    owned = [IPv4Network(text) for text in (cidr, pod_cidr) if text]
    assert all(any(one.subnet_of(mine) for mine in owned) for one in found)
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))
    assert all(one.prefixlen <= 28 for one in found), "AWS has no smaller subnets"


@given(cidr=PRIVATE, letters=LETTERS, more=LETTERS, pod_cidr=PODS)
def test_more_zones_move_no_subnet_wherever_they_stand(
    cidr: str, letters: list[str], more: list[str], pod_cidr: str | None
) -> None:
    few = layout(cidr, named(letters), pod_cidr)
    many = layout(cidr, named(sorted({*letters, *more})), pod_cidr)
    assert {zone: many[zone] for zone in few} == dict(few)


@given(cidr=PRIVATE, letters=LETTERS)
def test_a_second_range_moves_no_subnet_of_the_first(cidr: str, letters: list[str]) -> None:
    alone, joined = layout(cidr, named(letters)), layout(cidr, named(letters), "100.64.0.0/16")
    for zone, place in alone.items():
        assert joined[zone].node_cidr == place.node_cidr
        assert (joined[zone].endpoint_cidr, joined[zone].runner_cidr) == (place.endpoint_cidr, place.runner_cidr)
        assert joined[zone].addresses > place.addresses


@given(cidr=PRIVATE, letters=LETTERS)
def test_an_eighth_of_the_range_stays_free_for_growth(cidr: str, letters: list[str]) -> None:
    spare = list(IPv4Network(cidr).subnets(prefixlen_diff=3))[6]
    assert not any(spare.overlaps(found) for found in ranges(layout(cidr, named(letters))))


def test_a_zone_of_the_largest_range_has_room_for_eight_thousand_nodes_and_pods() -> None:
    assert layout("10.42.0.0/16", ZONES)["eu-central-1a"].addresses == 8187
    assert layout("10.42.0.0/16", ZONES, "100.64.0.0/16")["eu-central-1a"].addresses == 16374


def test_capacity_is_what_remains_while_the_largest_zone_is_lost() -> None:
    zones = list(layout("10.42.0.0/16", ZONES).values())
    assert addresses_offered(zones) == 2 * 8187
    assert addresses_needed([(4, 2), (3, 8), (1, 96)]) == 7 * 111 + 251
    assert (pods_per_node(2), pods_per_node(30), pods_per_node(192)) == (110, 250, 250)


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.42.0.0/21", "10.42.0.0/28"])
def test_a_range_that_cannot_be_split_names_the_way_out(cidr: str) -> None:
    with pytest.raises(SettingsError, match=rf"settings\.network\.cidr: '{cidr}' cannot be split; take .*/16 to /20"):
        layout(cidr, ZONES)


def test_every_problem_is_told_at_once() -> None:
    found = layout_problems("10.0.0.0/8", ("eu-central-1h",), "100.64.0.0/10")
    assert len(found) == 3
    assert "settings.network.pod_cidr: '100.64.0.0/10' cannot be split" in found[1]
    assert "settings.zones: 'eu-central-1h' has no place" in found[2]
