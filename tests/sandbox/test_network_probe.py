"""Whom the probe tries, what it asks, and what it shows."""

import pytest

from components.network.reachability.pods import NetworkPolicy, PolicyPort, PolicyRule, Selector
from components.network.reachability.verdict import Verdict
from sandbox.network import names
from sandbox.network.disagreement import Disagreement, rules_around
from sandbox.network.from_plan import world_of
from sandbox.network.pairs import callers, named_ports, pairs_between
from sandbox.network.world import NameRule, Resolver
from tests.sandbox.small_network import network, place


def test_ports_are_both_ends_of_whatever_a_rule_names() -> None:
    wide = NetworkPolicy(
        name="wide",
        namespace="inference",
        selector=Selector(),
        ingress=(PolicyRule(ports=(PolicyPort(first=8000, last=8010),)),),
        egress=None,
    )
    ports = named_ports(network(policies=(wide,)))
    assert ports == [22, 443, 1024, 8000, 8010, 8443, 10250, 65535]


def test_everybody_calls_everybody_but_a_resolver_is_asked_for_names() -> None:
    made = network()
    pairs = pairs_between(callers(made), list(made.places.values()), (22, 53))
    called = {(pair.source.name, pair.destination.name, pair.port) for pair in pairs}
    assert ("peer", "node", 22) in called
    assert ("s3", "node", 22) in called
    assert ("node", "dns", 53) not in called
    assert not any(source == "instance-metadata" or "resolver" in (source, target) for source, target, _ in called)


def test_alike_endpoints_are_one_caller_and_many_called() -> None:
    alike = {
        name: place(name, "endpoint", address, subnet="front", groups=("front",), zone="a")
        for name, address in (("endpoints-sts", "10.42.1.8"), ("endpoints-kms", "10.42.1.9"))
    }
    made = network(places=alike)
    assert [each.name for each in callers(made)] == ["endpoints-sts"]
    assert len(pairs_between(callers(made), list(made.places.values()), (443,))) == 1


def test_a_disagreement_shows_pair_answers_reasons_and_rules() -> None:
    made = network()
    world = world_of(made, ports=(22,), wanted=made.places)
    shown = str(
        Disagreement(
            what="node -> engine tcp 22",
            kernel="engine 10.42.0.10",
            analysis=Verdict(allowed=False, by=("no rule for tcp 22",)),
            rules=rules_around(world, ["node", "engine"]),
        )
    )
    for part in ("node -> engine tcp 22", "kernel:   engine", "analysis: no", "no rule for tcp 22", "chain groups_in"):
        assert part in shown
    assert "node on s1" in shown
    assert "front on s0" not in shown
    assert "chain in_inner" in shown
    assert "rule add iif s1" in shown


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("*", "anything.test", True),
        ("a.test", "a.test", True),
        ("a.test.", "A.TEST", True),
        ("a.test", "b.a.test", False),
        ("*.a.test", "b.a.test", True),
        ("*.a.test", "c.b.a.test", True),
        ("*.a.test", "a.test", False),
        ("*.a.test", "nota.test", False),
    ],
)
def test_a_pattern_covers_names_as_route_53_says(pattern: str, name: str, covered: bool) -> None:
    assert names.covers(pattern, name) == covered


def test_names_survive_the_way_through_a_packet() -> None:
    packet = names.question("a.bc.test", 77)
    assert names.asked_name(packet) == "a.bc.test"
    assert names.addresses_in(names.answer(packet, ("10.0.0.1", "10.0.0.2"))) == ("10.0.0.1", "10.0.0.2")
    assert names.addresses_in(names.answer(packet, ())) == ()
    assert names.addresses_in(names.answer(packet, None)) is None


def test_the_first_rule_that_fits_decides_and_an_unknown_name_is_resolved() -> None:
    rules = (
        NameRule(action="ALLOW", block_response="", patterns=("good.test",)),
        NameRule(action="BLOCK", block_response="NODATA", patterns=("*.quiet.test",)),
        NameRule(action="BLOCK", block_response="NXDOMAIN", patterns=("*.test",)),
    )
    resolver = Resolver(addresses=(), rules=rules, records={"*.good.example": ("10.0.0.9",)}, public="1.1.1.1")
    answers = [names.resolve(resolver, name) for name in ("good.test", "a.quiet.test", "b.test", "x.good.example", "y")]
    assert answers == [("1.1.1.1",), (), None, ("10.0.0.9",), ("1.1.1.1",)]
