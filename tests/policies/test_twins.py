"""Every rule refuses its bad twins, and nothing refuses a good one."""

from collections.abc import Mapping
from typing import Any

import pytest

from policies.guardrails.owner import load_estate
from policies.guardrails.types import VPN_TYPES

from .support import bad, findings, good, spoiled, variants, view

VARIANTS = [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(variants())]
BAD = [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(bad())]


@pytest.mark.parametrize("type_", sorted(good()))
def test_a_good_twin_breaks_no_rule(type_: str) -> None:
    assert [str(finding) for finding in findings(view(type_, good()[type_]))] == []


@pytest.mark.parametrize(("type_", "spoil"), VARIANTS)
def test_a_variant_of_a_good_twin_breaks_no_rule(type_: str, spoil: Mapping[str, Any]) -> None:
    assert [str(finding) for finding in findings(spoiled(type_, spoil))] == []


@pytest.mark.parametrize("type_", sorted(VPN_TYPES))
def test_a_vpn_is_refused_where_the_estate_has_no_network_outside_aws(type_: str) -> None:
    assert load_estate().on_premises == ()
    found = findings(view(type_, good()[type_], owner=load_estate()))
    assert "supply-chain-type-is-known" in {finding.rule.id for finding in found}


@pytest.mark.parametrize("kind", ["VpnGatewayAttachment", "VpnGatewayRoutePropagation", "TargetGroupAttachment"])
def test_what_would_open_a_network_behind_its_rules_is_refused_in_every_estate(kind: str) -> None:
    module = "lb" if kind.startswith("Target") else "ec2"
    found = findings(view(f"aws:{module}/{kind[0].lower()}{kind[1:]}:{kind}", {}))
    assert "supply-chain-type-is-known" in {finding.rule.id for finding in found}


@pytest.mark.parametrize(("rule", "type_", "spoil"), BAD)
def test_a_bad_twin_is_refused_by_its_rule(rule: str, type_: str, spoil: Mapping[str, Any]) -> None:
    found = findings(spoiled(type_, spoil))
    assert rule in {finding.rule.id for finding in found}
    assert not [str(finding) for finding in found if "the rule itself failed" in finding.text]
