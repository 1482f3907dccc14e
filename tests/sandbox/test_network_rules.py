"""What the kernel is given for a planned network: routes, lists, groups and policies, read out of the plan itself."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from components.network.reachability.model import Route, RouteTable
from components.network.reachability.pods import Expression, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, Selector
from sandbox.network.from_plan import CannotBuildError, world_of
from sandbox.network.world import Host, World
from tests.sandbox.small_network import INNER, PEER, entry, network

GATEWAYS = PolicyPeer(pods=Selector(labels={"app": "gateway"}))
NAME_SERVICE = PolicyPeer(
    pods=Selector(labels={"k8s-app": "kube-dns"}),
    namespaces=Selector(
        expressions=(Expression(key="kubernetes.io/metadata.name", operator="In", values=("kube-system",)),)
    ),
)


def built(**changes: object) -> World:
    made = network(**changes)
    return world_of(made, ports=(22, 443, 8443), wanted=made.places)


def host(world: World, name: str) -> Host:
    [found] = [each for each in world.hosts if each.name == name]
    return found


def policy(**directions: tuple[PolicyRule, ...] | None) -> NetworkPolicy:
    made = NetworkPolicy(
        name="engine", namespace="inference", selector=Selector(labels={"app": "engine"}), ingress=None, egress=None
    )
    return replace(made, **directions)  # type: ignore[arg-type]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def chain(text: str, name: str) -> list[str]:
    found = lines(text)
    begin = found.index(f"chain {name} {{")
    return found[begin + 1 : found.index("}", begin)]


def test_a_group_means_the_addresses_of_its_members_and_a_prefix_list_its_ranges() -> None:
    rules = host(built(), "node").rules
    members = "{ 10.42.0.10, 10.42.0.20, 10.42.0.21, 10.42.0.22 }"
    assert chain(rules, "groups_in")[3:] == [
        f"ip saddr {members} accept",
        "ip saddr { 10.42.1.4 } tcp dport 8443-8443 accept",
    ]
    assert chain(rules, "groups_out")[4:] == [
        f"ip daddr {members} accept",
        "ip daddr { 3.5.0.0/24, 52.219.0.0/22 } tcp dport 443-443 accept",
    ]


def test_groups_remember_connections_and_drop_what_no_rule_allows() -> None:
    for name, hook, side in (("groups_in", "input", "iif"), ("groups_out", "output", "oif")):
        found = chain(host(built(), "node").rules, name)
        assert found[0] == f"type filter hook {hook} priority {0 if hook == 'input' else 10}; policy drop;"
        assert found[1:3] == [f'{side}name "lo" accept', "ct state established,related accept"]


def test_the_resolver_and_link_local_services_are_past_every_group() -> None:
    assert chain(host(built(), "node").rules, "groups_out")[3] == (
        "ip daddr { 10.42.0.2, 169.254.169.253, 169.254.169.254 } accept"
    )


def test_a_group_without_members_allows_nobody() -> None:
    rules = host(built(places={"node": network().places["node"]}), "node").rules
    assert chain(rules, "groups_in")[3:] == ["ip saddr { 10.42.0.10 } accept"]


def test_an_interface_without_groups_is_not_filtered() -> None:
    places = network().places
    bare = {**places, "front": replace(places["front"], groups=())}
    assert "chain" not in host(built(places=bare), "front").rules


def test_places_outside_filter_nothing_and_own_their_ranges() -> None:
    s3 = host(built(), "s3")
    assert s3.rules == ""
    assert {"route add local 3.5.0.0/24 dev lo", "route add local 52.219.0.0/22 dev lo"} <= set(lines(s3.setup))


def test_access_lists_keep_their_order_and_end_in_no() -> None:
    acls = network().acls
    denied = replace(acls["front"], ingress=(*acls["front"].ingress, entry(50, PEER, (0, 443), action="deny")))
    assert chain(built(acls={**acls, "front": denied}).rules, "in_front") == [
        "ip saddr 10.90.0.0/16 tcp dport 0-443 drop",
        "ip saddr 10.42.0.0/16 return",
        "ip saddr 10.90.0.0/16 tcp dport 443-443 return",
        "drop",
    ]


def test_access_lists_remember_nothing() -> None:
    assert "ct state" not in built().rules


def test_a_subnet_without_a_planned_list_has_the_open_one_of_aws() -> None:
    subnets = network().subnets
    world = built(subnets={**subnets, "inner": replace(subnets["inner"], acl="")})
    assert chain(world.rules, "in_none") == ["return"]


def test_a_subnets_table_knows_its_routes_and_swallows_the_rest() -> None:
    roads = lines(built().roads)
    assert "rule add iif s1 lookup 1001 pref 1001" in roads
    assert "rule add iif s1 blackhole pref 11001" in roads
    inner = [line.removesuffix(" table 1001") for line in roads if line.endswith(" table 1001")]
    assert "route add 10.42.1.0/24 dev s0" in inner
    assert any(line.startswith("route add 3.5.0.0/24 via ") for line in inner)
    assert not any("10.90." in line for line in inner)


def test_a_route_to_nobody_swallows_its_packets() -> None:
    tables = network().route_tables
    lost = Route(destination=IPv4Network("10.99.0.0/16"), kind="peering", target="pcx-gone", name="gone")
    table = RouteTable(name="inner", routes=(*tables["inner"].routes, lost))
    roads = lines(built(route_tables={**tables, "inner": table}).roads)
    assert [line for line in roads if "10.99." in line] == ["route add blackhole 10.99.0.0/16 metric 9999 table 1001"]


def test_nothing_leads_through_the_vpc() -> None:
    roads = lines(built().roads)
    [number] = [line.split()[5] for line in roads if line.startswith("rule add iif o0 lookup")]
    assert sorted(line for line in roads if line.endswith(f" table {number}")) == [
        f"route add 10.42.0.0/24 dev s1 table {number}",
        f"route add 10.42.1.0/24 dev s0 table {number}",
    ]


def test_the_public_access_block_stops_both_directions() -> None:
    device = host(built(), "internet").device
    blocked = chain(built(public_access_blocked=True).rules, "forward")
    assert {f'iifname "{device}" drop', f'oifname "{device}" drop'} <= set(blocked)
    assert not any("drop" in line for line in chain(built().rules, "forward"))


def test_a_load_balancer_hands_over_to_the_gateways_of_its_zone() -> None:
    assert host(built(), "front").forwards == {443: (("10.42.0.20", 8443),)}
    places = network().places
    elsewhere = {**places, "gateway": replace(places["gateway"], zone="b")}
    assert host(built(places=elsewhere), "front").forwards == {443: ()}


def test_a_balancer_that_keeps_addresses_is_refused() -> None:
    front = network().front
    assert front is not None
    with pytest.raises(CannotBuildError, match="keeps its clients' addresses"):
        built(front=replace(front, keeps_client_address=True))


def test_only_machines_get_instance_metadata() -> None:
    assert chain(host(built(), "instance-metadata").rules, "machines")[-1].startswith(
        "ip saddr { 10.42.0.10, 10.42.0.20"
    )
    closed = host(built(pods_reach_metadata=False), "instance-metadata").rules
    assert chain(closed, "machines")[-1] == "ip saddr { 10.42.0.10 } accept"


def test_a_pod_that_no_policy_selects_is_open() -> None:
    assert "policies" not in host(built(policies=(policy(ingress=()),)), "gateway").rules


def test_a_policy_closes_the_directions_that_it_speaks_of() -> None:
    rules = host(built(policies=(policy(ingress=()),)), "engine").rules
    assert len(chain(rules, "policies_in")) == 3
    assert "policies_out" not in rules


def test_policies_add_up() -> None:
    one = policy(ingress=(PolicyRule(peers=(GATEWAYS,), ports=(PolicyPort(first=8000),)),))
    other = policy(ingress=(PolicyRule(peers=(PolicyPeer(cidr=INNER, exceptions=(IPv4Network("10.42.0.128/25"),)),)),))
    assert chain(host(built(policies=(one, other)), "engine").rules, "policies_in")[3:] == [
        "ip saddr { 10.42.0.20 } tcp dport 8000-8000 accept",
        "ip saddr 10.42.0.0/24 ip saddr != { 10.42.0.128/25 } accept",
    ]


def test_peers_are_of_the_policys_namespace_unless_namespaces_are_chosen() -> None:
    own = PolicyPeer(pods=Selector(labels={"k8s-app": "kube-dns"}))
    rules = [PolicyRule(peers=(peer,), ports=(PolicyPort(protocol="udp", first=53),)) for peer in (own, NAME_SERVICE)]
    assert chain(host(built(policies=(policy(egress=tuple(rules)),)), "engine").rules, "policies_out")[3:] == [
        "ip daddr { 10.42.0.22 } udp dport 53-53 accept"
    ]


def test_a_named_port_is_that_of_whoever_is_called() -> None:
    inwards = policy(ingress=(PolicyRule(ports=(PolicyPort(first="serving"), PolicyPort(first="absent"))),))
    outwards = policy(egress=(PolicyRule(peers=(GATEWAYS,), ports=(PolicyPort(first="https"),)),))
    rules = host(built(policies=(inwards, outwards)), "engine").rules
    assert chain(rules, "policies_in")[3:] == ["tcp dport 8000-8000 accept"]
    assert chain(rules, "policies_out")[3:] == ["ip daddr 10.42.0.20 tcp dport 8443-8443 accept"]


@pytest.mark.parametrize(
    ("operator", "values", "chosen"),
    [("In", ("gateway",), True), ("NotIn", ("gateway",), False), ("Exists", (), True), ("DoesNotExist", (), False)],
)
def test_expressions_choose_as_kubernetes_says(operator: str, values: tuple[str, ...], chosen: bool) -> None:
    expression = Expression(key="app", operator=operator, values=values)  # type: ignore[arg-type]
    peer = PolicyPeer(pods=Selector(expressions=(expression,)))
    rules = host(built(policies=(policy(ingress=(PolicyRule(peers=(peer,)),)),)), "engine").rules
    assert any("10.42.0.20" in line for line in chain(rules, "policies_in")) == chosen
