"""NetworkPolicies of the engines spoiled one by one, on the platform with every way in."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from components.network.reachability.analysis import reach
from components.network.reachability.model import Network
from tests.network.reachability_support import A, B, spoiled
from tests.plan import Planned


def pods(name: str, change: Callable[[dict[str, Any]], None] | None) -> Network:
    """The network `everything` with one NetworkPolicy changed or left out."""

    def spoil(planned: Sequence[Planned]) -> Sequence[Planned]:
        kept = []
        for each in planned:
            if each.name == name:
                if change is None:
                    continue
                inputs = copy.deepcopy(dict(each.inputs))
                change(inputs["spec"])
                each = replace(each, inputs=inputs)
            kept.append(each)
        assert kept != list(planned)
        return kept

    return spoiled("endpoints-group", lambda inputs: inputs, pods=spoil)


def test_without_its_own_policy_an_engine_is_shut_for_the_gateway() -> None:
    verdict = reach(pods("workload-traffic-smollm2", None), f"gateway-{A}", f"engine-{B}", 8000)
    assert verdict.by == (
        "NetworkPolicy isolation-default-deny, isolation-name-resolution ingress: "
        f"no rule for tcp 8000 from gateway-{A}",
    )


def test_a_wider_policy_lets_an_engine_to_endpoints_but_not_out() -> None:
    def widen(spec: dict[str, Any]) -> None:
        spec["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})

    network = pods("workload-traffic-smollm2", widen)
    assert reach(network, f"engine-{A}", f"endpoints-kms-{B}", 443).allowed
    assert not reach(network, f"engine-{A}", "1.1.1.1", 443).allowed


def test_an_exception_of_a_range_is_no_part_of_it() -> None:
    def widen(spec: dict[str, Any]) -> None:
        spec["egress"].append({"to": [{"ipBlock": {"cidr": "10.42.0.0/16", "except": ["10.42.224.0/26"]}}]})

    network = pods("workload-traffic-smollm2", widen)
    assert not reach(network, f"engine-{B}", f"endpoints-kms-{A}", 443).allowed
    assert reach(network, f"engine-{B}", f"endpoints-kms-{B}", 443).allowed


def test_a_policy_for_all_callers_opens_an_engine_to_the_cluster() -> None:
    def widen(spec: dict[str, Any]) -> None:
        spec["ingress"] = [{}]

    assert reach(pods("workload-traffic-smollm2", widen), f"node-{A}", f"engine-{B}", 22).allowed
