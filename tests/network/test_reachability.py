"""Who reaches whom in the networks that platforms plan: every pair that the house promises, and those it refuses."""

import ast
from collections.abc import Iterator
from itertools import product

import pytest

from components.network.reachability.analysis import reach
from components.network.reachability.filters import Flow
from components.network.reachability.model import OUTSIDE, Network, Place
from components.network.reachability.single_address import splits
from components.network.reachability.ways import direct
from components.settings.load import ROOT
from tests.network.reachability_support import CALLERS, A, B, bare, everything, of, peered

ENGINE_REACHES = {("dns", "udp", 53), ("s3", "tcp", 443), ("pod-identity-agent", "tcp", 80)}
"""All that an engine may open a connection to."""


def pairs(network: Network, sources: tuple[str, ...], destinations: tuple[str, ...]) -> Iterator[tuple[Place, Place]]:
    found = [pair for pair in product(of(network, *sources), of(network, *destinations)) if pair[0] != pair[1]]
    assert found
    yield from found


def all_refused(
    network: Network, sources: tuple[str, ...], destinations: tuple[str, ...], port: int, protocol: str = "tcp"
) -> None:
    for source, destination in pairs(network, sources, destinations):
        verdict = reach(network, source, destination, port, "udp" if protocol == "udp" else "tcp")
        assert not verdict.allowed, (source.name, destination.name, port, verdict.by)


def all_allowed(
    network: Network, sources: tuple[str, ...], destinations: tuple[str, ...], port: int, protocol: str = "tcp"
) -> None:
    for source, destination in pairs(network, sources, destinations):
        verdict = reach(network, source, destination, port, "udp" if protocol == "udp" else "tcp")
        assert verdict.allowed, (source.name, destination.name, port, verdict.by)


@pytest.mark.parametrize("zones", [2, 3, 6])
class TestInEveryNumberOfZones:
    def test_nodes_reach_each_endpoint(self, zones: int) -> None:
        all_allowed(peered(zones), ("node",), ("endpoint",), 443)

    def test_nodes_reach_no_endpoint_on_another_port(self, zones: int) -> None:
        all_refused(peered(zones), ("node",), ("endpoint",), 80)

    def test_nodes_and_pods_do_not_reach_the_internet(self, zones: int) -> None:
        all_refused(peered(zones), ("node", "pod"), ("internet",), 443)
        all_refused(peered(zones), ("node", "pod"), ("internet",), 53, "udp")

    def test_a_peer_reaches_the_gateway_in_every_zone(self, zones: int) -> None:
        all_allowed(peered(zones), ("peer",), ("front",), 443)
        assert len(of(peered(zones), "front")) == zones

    @pytest.mark.parametrize("port", [22, 443, 8443, 10250])
    def test_a_peer_does_not_reach_nodes_and_pods(self, zones: int, port: int) -> None:
        all_refused(peered(zones), ("peer",), ("node", "pod"), port)

    def test_nodes_reach_storage(self, zones: int) -> None:
        all_allowed(peered(zones), ("node",), ("storage",), 443)
        all_refused(peered(zones), ("node",), ("storage",), 80)

    def test_the_control_plane_and_nodes_find_each_other(self, zones: int) -> None:
        all_allowed(peered(zones), ("node",), ("control-plane",), 443)
        all_allowed(peered(zones), ("control-plane",), ("node",), 10250)
        all_refused(peered(zones), ("control-plane",), ("node",), 22)


@pytest.mark.parametrize("caller", CALLERS)
def test_every_way_in_ends_at_the_gateway(caller: str) -> None:
    network = everything()
    all_allowed(network, (caller,), ("front",), 443)
    all_refused(network, (caller,), ("front",), 8443)
    for role in ("node", "pod", "runner"):
        for port in (22, 443, 8000, 8443, 10250):
            all_refused(network, (caller,), (role,), port)
    all_refused(network, (caller,), ("storage", "internet", "link-local"), 443)


def test_no_outsider_reaches_another_through_the_vpc() -> None:
    network = everything()
    outside = [place for place in network.places.values() if place.kind in OUTSIDE]
    for source, destination in product(outside, outside):
        assert not reach(network, source, destination, 443).allowed


def test_nobody_in_the_vpc_opens_a_connection_to_a_caller() -> None:
    network = everything()
    inside = [place for place in network.places.values() if place.subnet]
    for source, caller in product(inside, CALLERS):
        for port in (443, 50000):
            assert not reach(network, source, caller, port).allowed, (source.name, caller)


def test_a_peer_reaches_the_kubernetes_api_only_if_it_is_declared_so() -> None:
    all_allowed(everything(), ("peer-tools",), ("control-plane",), 443)
    all_refused(everything(), ("peer-apps", "peer-asked-us", "on-premises-head-office"), ("control-plane",), 443)


def test_a_peer_reaches_a_shared_endpoint_and_no_other() -> None:
    network = everything()
    for place in of(network, "endpoint"):
        assert reach(network, "peer-apps", place, 443).allowed == (place.role == "endpoints-sts"), place.name
    all_refused(network, ("peer-tools", "peer-asked-us", "on-premises-head-office"), ("endpoint",), 443)


def test_the_gateway_reaches_engines_and_its_own_needs_only() -> None:
    network = everything()
    all_allowed(network, ("gateway",), ("engine",), 8000)
    all_refused(network, ("gateway",), ("engine",), 22)
    all_allowed(network, ("gateway",), ("endpoints-elasticloadbalancing",), 443)
    all_allowed(network, ("gateway",), ("pod-identity-agent",), 80)
    all_refused(network, ("gateway",), ("storage", "internet", "instance-metadata", "peer"), 443)
    all_refused(network, ("gateway",), ("resolver",), 53, "udp")


def test_an_engine_opens_no_connection_but_for_names_weights_and_credentials() -> None:
    """What it answers to the gateway needs no rule: filters around interfaces and pods remember connections."""
    network = everything()
    for source, destination in pairs(network, ("engine",), tuple({place.role for place in network.places.values()})):
        for protocol, port in (("tcp", 80), ("tcp", 443), ("tcp", 8000), ("tcp", 8443), ("tcp", 10250), ("udp", 53)):
            allowed = reach(network, source, destination, port, "udp" if protocol == "udp" else "tcp").allowed
            assert allowed == ((destination.role, protocol, port) in ENGINE_REACHES), (destination.name, protocol, port)


def test_only_the_gateway_reaches_an_engine() -> None:
    network = everything()
    for source, engine in pairs(network, tuple({place.role for place in network.places.values()}), ("engine",)):
        assert reach(network, source, engine, 8000).allowed == (source.role == "gateway"), source.name


def test_a_stray_pod_beside_the_engines_gets_names_and_nothing_else() -> None:
    network = everything()
    all_allowed(network, ("stray",), ("dns",), 53, "udp")
    all_refused(network, ("stray",), ("engine", "gateway", "endpoint", "storage", "pod-identity-agent", "node"), 443)


def test_the_balancer_reaches_gateways_and_nothing_else() -> None:
    network = everything()
    for front, gateway in pairs(network, ("front",), ("gateway",)):
        steps = direct(network, front, gateway, Flow(protocol="tcp", port=8443))
        assert all(step.allowed for step in steps), [step.text for step in steps if not step.allowed]
    others = [place for place in network.places.values() if place.role not in ("gateway", "front")]
    for front, other, port in product(of(network, "front"), others, (443, 8000, 8443, 10250)):
        steps = direct(network, front, other, Flow(protocol="tcp", port=port))
        # The balancer's group knows addresses, not pods: on its one port the pods' own policies are the lock.
        if port != 8443 or (other.pod is not None and other.pod.namespace == "inference"):
            assert not all(step.allowed for step in steps), (other.name, port)


def test_endpoints_open_no_connection() -> None:
    network = everything()
    for destination in network.places.values():
        for source in of(network, "endpoint"):
            assert not reach(network, source, destination, 443).allowed


def test_the_runner_deploys_and_calls_but_nobody_calls_it() -> None:
    network = everything()
    all_allowed(network, ("runner",), ("control-plane", "endpoint", "storage", "front"), 443)
    all_refused(network, ("runner",), ("node", "pod", "internet", "peer"), 443)
    everybody = tuple({place.role for place in network.places.values()})
    for port in (22, 443):
        all_refused(network, everybody, ("runner",), port)


def test_pods_get_no_answer_of_the_instance_metadata() -> None:
    all_refused(everything(), ("pod",), ("instance-metadata",), 80)
    all_allowed(everything(), ("node",), ("instance-metadata",), 80)


def test_without_a_front_pods_of_the_cluster_alone_reach_the_gateway() -> None:
    network = bare()
    assert not of(network, "front", "peer", "on-premises", "consumer")
    all_allowed(network, ("pod",), ("gateway",), 8443)


def test_a_verdict_names_every_lock_in_order() -> None:
    by = reach(everything(), f"node-{A}", f"endpoints-kms-{B}", 443).by
    assert [step.split(":")[0].split(" in ")[0] for step in by] == [
        "group nodes-group egress",
        "ACL network-inner-acl egress 100",
        "route 10.42.0.0/16 local",
        "ACL network-front-acl ingress 100",
        "group endpoints-group ingress",
        "back route 10.42.0.0/16 local",
        "back ACL network-front-acl egress 100",
        "back ACL network-inner-acl ingress 100",
    ]


def test_a_refusal_names_every_lock_that_stays_shut() -> None:
    assert reach(bare(), f"node-{A}", "1.1.1.1", 443).by == (
        "group nodes-group egress: no rule for tcp 443 to internet",
        "ACL network-inner-acl egress: no entry for tcp 443 to 1.1.1.1",
        f"no route to 1.1.1.1 in network-inner-routes-{A}",
        "back ACL network-inner-acl ingress: no entry for tcp 1024 from 1.1.1.1",
    )


@pytest.mark.parametrize("network", [bare, everything, lambda: peered(6)], ids=["bare", "everything", "six zones"])
def test_one_address_stands_for_its_whole_subnet(network: object) -> None:
    assert callable(network)
    assert splits(network()) == ()


def test_every_place_has_an_address_of_its_own() -> None:
    places = list(everything().places.values())
    assert len({place.address for place in places}) == len(places)
    for place in places:
        if place.subnet:
            assert place.address in everything().subnets[place.subnet].cidr


def test_the_analysis_knows_no_cloud() -> None:
    for path in (ROOT / "components/network/reachability").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith(("pulumi", "boto", "operations"))], path.name
