"""Who resolves which name: the finite list for machines and pods, shared private zones for peers."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.network.reachability.analysis import reach
from components.network.reachability.names import resolves
from tests.network.reachability_support import CALLERS, A, everything, of, sets, spoiled

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]] | None


@pytest.mark.parametrize("host", ["example.com", "evil.s3.eu-central-1.amazonaws.com", "sts.amazonaws.com"])
def test_no_other_name_is_resolved(host: str) -> None:
    network = everything()
    for source in of(network, "node", "pod", "runner"):
        assert not resolves(network, source, host).allowed
    for caller in CALLERS:
        assert not resolves(network, caller, host).allowed


def test_names_of_endpoints_are_resolved_by_machines_and_through_core_dns() -> None:
    network = everything()
    for source in of(network, "node", "engine", "gateway", "stray"):
        assert resolves(network, source, "STS.eu-central-1.amazonaws.com.").allowed
    assert any("dns-" in step for step in resolves(network, f"engine-{A}", "sts.eu-central-1.amazonaws.com").by)


def test_callers_resolve_what_is_shared_with_them() -> None:
    network = everything()
    for caller in CALLERS[:3]:
        assert resolves(network, caller, "inference.example.internal").allowed
    assert resolves(network, "peer-apps", "sts.eu-central-1.amazonaws.com").allowed
    assert not resolves(network, "peer-tools", "sts.eu-central-1.amazonaws.com").allowed
    by_name = reach(network, "peer-apps", f"front-{A}", 443, name="inference.example.internal")
    assert by_name.allowed
    assert by_name.by[0] == "private zone front-zone (inference.example.internal) is shared with peer-apps"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("name-firewall-block-rest", sets(action="ALERT")),
        ("name-firewall-block-rest", None),
        ("name-firewall-vpc", None),
        ("name-firewall-known", sets(domains=["*.com"])),
    ],
)
def test_a_spoiled_name_firewall_resolves_strange_names(name: str, change: Change) -> None:
    assert not resolves(everything(), f"node-{A}", "example.com").allowed
    assert resolves(spoiled(name, change), f"node-{A}", "example.com").allowed
