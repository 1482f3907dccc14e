from ipaddress import IPv4Network
from itertools import combinations

import pytest

from components.network.layout import layout
from components.settings.errors import SettingsError

ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")


def subnets(cidr: str, zones: tuple[str, ...] = ZONES) -> list[IPv4Network]:
    return [IPv4Network(text) for zone in layout(cidr, zones).values() for text in (zone.node_cidr, zone.endpoint_cidr)]


@pytest.mark.parametrize("cidr", ["10.42.0.0/16", "10.42.0.0/18", "172.16.16.0/20"])
def test_subnets_lie_inside_the_range_and_never_overlap(cidr: str) -> None:
    networks = subnets(cidr)
    assert all(network.subnet_of(IPv4Network(cidr)) for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


def test_another_zone_moves_no_subnet() -> None:
    two, three = layout("10.42.0.0/16", ZONES[:2]), layout("10.42.0.0/16", ZONES)
    assert {zone: three[zone] for zone in two} == dict(two)


def test_the_order_of_zones_does_not_matter() -> None:
    assert layout("10.42.0.0/16", ZONES) == layout("10.42.0.0/16", ZONES[::-1])


def test_a_zone_of_the_largest_range_has_room_for_eight_thousand_nodes_and_pods() -> None:
    assert layout("10.42.0.0/16", ZONES)["eu-central-1a"].node_addresses == 8187


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.42.0.0/21", "10.42.0.0/28"])
def test_a_range_that_cannot_be_split_names_the_way_out(cidr: str) -> None:
    with pytest.raises(SettingsError, match=rf"settings\.network\.cidr: '{cidr}' cannot be split; take .*/16 to /20"):
        layout(cidr, ZONES)


def test_a_zone_without_a_place_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"settings\.zones: 'eu-central-1h' has no place"):
        layout("10.42.0.0/16", ("eu-central-1h",))
