"""Laws of the analysis, whatever the filters: what closes never opens, answers need a way back, nobody gets out."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.network.reachability.analysis import reach
from components.network.reachability.filters import EPHEMERAL, Flow, acl_step, best_route, return_steps
from components.network.reachability.model import Acl, AclEntry, GroupRule, Network, Route, SecurityGroup
from components.network.reachability.places import UnknownPlaceError
from tests.network.reachability_strategies import ENTRIES, NAMES, QUESTIONS, RULES, networks
from tests.network.reachability_support import everything

LAW: Final = settings(max_examples=40, deadline=None, derandomize=True, database=None)
"""The same examples on every machine: a law that breaks, breaks for everybody."""


def with_acl(network: Network, acl: Acl) -> Network:
    return replace(network, acls={**network.acls, acl.name: acl})


def with_group(network: Network, group: SecurityGroup) -> Network:
    return replace(network, groups={**network.groups, group.name: group})


@LAW
@given(networks(), QUESTIONS, st.data())
def test_what_no_longer_allows_opens_nothing(
    network: Network, question: tuple[str, str, int], data: st.DataObject
) -> None:
    acl = network.acls[data.draw(st.sampled_from(["inner", "front"]))]
    group = network.groups[data.draw(st.sampled_from(["machines", "doors"]))]
    kept = tuple(entry for entry in acl.egress if entry.action == "deny" or data.draw(st.booleans()))
    rules = tuple(rule for rule in group.ingress if data.draw(st.booleans()))
    less = with_group(with_acl(network, replace(acl, egress=kept)), replace(group, ingress=rules))
    assert reach(network, *question).allowed or not reach(less, *question).allowed


@LAW
@given(networks(), QUESTIONS, ENTRIES)
def test_one_more_denial_opens_nothing(
    network: Network, question: tuple[str, str, int], more: tuple[AclEntry, ...]
) -> None:
    denials = [replace(entry, action="deny") for entry in more]
    for acl in network.acls.values():
        entries = tuple(sorted((*acl.ingress, *denials), key=lambda entry: entry.number))
        less = with_acl(network, replace(acl, ingress=entries))
        assert reach(network, *question).allowed or not reach(less, *question).allowed


@LAW
@given(networks(), QUESTIONS, RULES)
def test_one_more_rule_of_a_group_shuts_nothing(
    network: Network, question: tuple[str, str, int], more: tuple[GroupRule, ...]
) -> None:
    for group in network.groups.values():
        wider = with_group(network, replace(group, ingress=(*more, *group.ingress), egress=(*more, *group.egress)))
        assert reach(wider, *question).allowed or not reach(network, *question).allowed


@LAW
@given(networks(), QUESTIONS)
def test_groups_remember_connections(network: Network, question: tuple[str, str, int]) -> None:
    """What the caller admits, and what the called may open, is never asked."""
    source, destination, _ = question
    for name in network.places[source].groups:
        deaf = with_group(network, replace(network.groups[name], ingress=()))
        if name not in network.places[destination].groups:
            assert reach(deaf, *question) == reach(network, *question)
    for name in network.places[destination].groups:
        mute = with_group(network, replace(network.groups[name], egress=()))
        assert reach(mute, *question) == reach(network, *question)


@LAW
@given(networks(), QUESTIONS)
def test_an_answer_needs_a_route_back(network: Network, question: tuple[str, str, int]) -> None:
    source, destination = network.places[question[0]], network.places[question[1]]
    assume(destination.subnet and source.kind != "storage")  # storage opens no connection, routes or not
    table = network.route_tables[destination.subnet]
    one_way = replace(table, routes=tuple(route for route in table.routes if source.address not in route.destination))
    verdict = reach(replace(network, route_tables={**network.route_tables, table.name: one_way}), *question)
    assert not verdict.allowed
    assert f"back no route to {source.address} in {table.name}" in verdict.by


@LAW
@given(networks(), QUESTIONS)
def test_acls_remember_nothing(network: Network, question: tuple[str, str, int]) -> None:
    source, destination = network.places[question[0]], network.places[question[1]]
    if destination.subnet:
        assert not reach(with_acl(network, replace(network.acls[destination.subnet], egress=())), *question).allowed
    if source.subnet:
        assert not reach(with_acl(network, replace(network.acls[source.subnet], ingress=())), *question).allowed


@LAW
@given(networks(), st.sampled_from([("machine", "door"), ("machine", "s3"), ("peer", "door")]), st.data())
def test_the_answer_passes_if_and_only_if_some_port_does(
    network: Network, pair: tuple[str, str], data: st.DataObject
) -> None:
    """Only one port of each stretch is looked at; here a port of every stretch and its neighbours, one by one."""
    source, destination = (network.places[name] for name in pair)
    flow = Flow(protocol="tcp", port=443)
    asked = [(network.acls[destination.subnet], "egress", source.address)] if destination.subnet else []
    asked += [(network.acls[source.subnet], "ingress", destination.address)] if source.subnet else []
    edges = {port + step for first, last in [(1024, 65535), (1024, 2000), (32768, 60999), (8443, 8443)]
             for port in (first, last) for step in (-1, 0, 1)}  # fmt: skip
    ports = {data.draw(st.integers(*EPHEMERAL)), *(port for port in edges if EPHEMERAL[0] <= port <= EPHEMERAL[1])}
    passes = any(
        all(acl_step(acl, way, Flow(protocol="tcp", port=port), other).allowed for acl, way, other in asked)  # type: ignore[arg-type]
        for port in ports
    )
    assert all(step.allowed for step in return_steps(network, source, destination, flow)) == passes


@LAW
@given(networks(), st.sampled_from(["inner", "front"]), st.ip_addresses(v=4))
def test_the_longest_prefix_wins(network: Network, table: str, address: IPv4Address) -> None:
    found = best_route(network, table, address)
    fitting = [route for route in network.route_tables[table].routes if address in route.destination]
    assert (found is None) == (not fitting)
    if found is not None:
        assert found.destination.prefixlen == max(route.destination.prefixlen for route in fitting)


@LAW
@given(networks(), QUESTIONS)
def test_a_host_route_elsewhere_shuts_a_way(network: Network, question: tuple[str, str, int]) -> None:
    source, destination = network.places[question[0]], network.places[question[1]]
    assume(source.subnet and destination.kind != "internet")
    table = network.route_tables[source.subnet]
    route = Route(destination=IPv4Network(f"{destination.address}/32"), kind="other", target="eni", name="strange")
    # The very same prefix may be there already: of two equal ones AWS accepts one only.
    others = tuple(other for other in table.routes if other.destination != route.destination)
    tables = {**network.route_tables, table.name: replace(table, routes=(*others, route))}
    assert not reach(replace(network, route_tables=tables), *question).allowed


@LAW
@given(networks(), NAMES, st.sampled_from([22, 443, 8443]))
def test_nothing_crosses_the_vpc_from_outside_to_outside(network: Network, destination: str, port: int) -> None:
    for source in ("peer", "s3", "internet"):
        if not network.places[destination].subnet:
            assert not reach(network, source, destination, port).allowed


@settings(LAW, max_examples=200)
@given(st.ip_addresses(v=4), st.integers(1, 65535), st.sampled_from(["tcp", "udp"]), st.data())
def test_no_place_reaches_a_public_address_but_storage_by_tls(
    address: IPv4Address, port: int, protocol: str, data: st.DataObject
) -> None:
    network = everything()
    assume(not address.is_link_local)
    known = [
        cidr for place in network.places.values() if place.kind in ("peer", "on-premises") for cidr in place.ranges
    ]
    assume(not any(address in cidr for cidr in (*network.ranges, *known)))
    storage = any(address in cidr for ranges in network.storage.values() for cidr in ranges)
    source = data.draw(st.sampled_from(sorted(network.places)))
    try:
        verdict = reach(network, source, str(address), port, "udp" if protocol == "udp" else "tcp")
    except UnknownPlaceError:
        return
    assert not verdict.allowed or (storage and port == 443 and protocol == "tcp")


@LAW
@given(st.data(), st.integers(0, 2**32 - 1))
def test_machines_reach_every_address_of_storage(data: st.DataObject, offset: int) -> None:
    network = everything()
    [ranges] = network.storage.values()
    cidr = data.draw(st.sampled_from(ranges))
    assert reach(network, "node-eu-central-1a", str(cidr[offset % cidr.num_addresses]), 443).allowed
