"""The picture of a network: what is in it, that arrows follow the analysis, and that it is the same every time."""

import re
from dataclasses import replace
from ipaddress import IPv4Network
from xml.etree import ElementTree

import pytest

from components.network.reachability.drawing import draw
from components.network.reachability.model import Network, Route
from tests.network.reachability_support import A, bare, everything, of, peered, sets, spoiled

OPEN, SHUT = "url(#open)", "url(#shut)"
SVG = "{http://www.w3.org/2000/svg}"


def arrows(network: Network) -> dict[str, int]:
    """Head -> how many arrows end in it; the legend has one of each."""
    lines = ElementTree.fromstring(draw(network, "test")).iter(f"{SVG}polyline")
    heads = [line.get("marker-end", "") for line in lines]
    return {head: heads.count(head) for head in (OPEN, SHUT)}


def words(network: Network) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(draw(network, "test")).iter(f"{SVG}text")]


@pytest.mark.parametrize("network", [bare, everything, lambda: peered(6)], ids=["bare", "everything", "six zones"])
def test_everything_of_a_network_is_in_the_picture(network: object) -> None:
    assert callable(network)
    found: Network = network()
    told = " ".join(words(found))
    for subnet in found.subnets.values():
        assert str(subnet.cidr) in told
        assert subnet.zone in told
    for place in of(found, "endpoint", "peer", "on-premises", "consumer"):
        assert place.title.removeprefix("endpoint ") in told


def test_the_same_network_gives_the_same_text() -> None:
    assert draw(everything(), "test") == draw(everything(), "test")


def test_every_shape_lies_on_the_page() -> None:
    page = ElementTree.fromstring(draw(everything(), "test"))
    width, height = float(page.get("width", "0")), float(page.get("height", "0"))
    for line in page.iter(f"{SVG}polyline"):
        for x, y in (map(float, point.split(",")) for point in str(line.get("points")).split()):
            assert 0 <= x <= width
            assert 0 <= y <= height
    for box in list(page.iter(f"{SVG}rect"))[1:]:
        assert float(str(box.get("x"))) + float(str(box.get("width"))) <= width
        assert float(str(box.get("y"))) + float(str(box.get("height"))) <= height


def test_each_zone_has_its_arrows_and_an_engine_none_to_the_gateway() -> None:
    # Legend; in each zone balancer, engine and endpoints; ways in to gateway and API; S3 and resolver.
    assert arrows(everything())[OPEN] == 1 + 3 * 3 + 2 + 2
    # Legend; in each zone from the engine; callers to nodes; nodes to the internet.
    assert arrows(everything())[SHUT] == 1 + 3 + 1 + 1


def test_an_arrow_turns_when_the_verdict_does() -> None:
    before, after = arrows(everything()), arrows(spoiled("front-group", sets(egress=[])))
    # Balancer to gateway in three zones, and the callers' lane.
    assert (before[OPEN] - after[OPEN], after[SHUT] - before[SHUT]) == (4, 4)


def test_callers_are_told_what_they_reach() -> None:
    told = words(everything())
    assert "reaches gateway 443, sts 443" in told
    assert "reaches gateway 443, Kubernetes API" in told
    assert told.count("never Kubernetes API, nodes, engines, internet") == 4


def test_a_way_out_is_not_hidden() -> None:
    network = bare()
    table = network.route_tables[f"network-inner-routes-{A}"]
    route = Route(destination=IPv4Network("0.0.0.0/0"), kind="other", target="igw-1", name=table.name)
    leaking = replace(network, route_tables={**network.route_tables, table.name: replace(table, routes=(route,))})
    assert "no route leads to the internet; public access is blocked" in words(network)
    assert f"{table.name} leads out of it to igw-1; public access is blocked" in words(leaking)


def test_a_name_firewall_that_lets_all_through_is_not_hidden() -> None:
    assert any(text.endswith("names and no other") for text in words(everything()))
    assert any(text.endswith("and every other too") for text in words(spoiled("name-firewall-vpc", None)))


def test_the_picture_says_whether_policies_of_pods_are_known() -> None:
    assert any("NetworkPolicies are taken into account" in text for text in words(everything()))
    assert any("NetworkPolicies are not taken into account" in text for text in words(bare()))


def test_words_are_escaped() -> None:
    assert "<title>a &amp; b &lt;c&gt;</title>" in draw(bare(), "a & b <c>")


def test_numbers_are_rounded_so_that_small_changes_are_small_differences() -> None:
    assert not re.search(r'"\d+\.(\d{2,}|0)"', draw(everything(), "test"))
