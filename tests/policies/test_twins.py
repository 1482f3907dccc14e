"""Every rule refuses its bad twins, and nothing refuses a good one."""

from collections.abc import Mapping
from typing import Any

import pytest

from .support import bad, findings, good, spoiled, view

BAD = [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(bad())]


@pytest.mark.parametrize("type_", sorted(good()))
def test_a_good_twin_breaks_no_rule(type_: str) -> None:
    assert [str(finding) for finding in findings(view(type_, good()[type_]))] == []


@pytest.mark.parametrize(("rule", "type_", "spoil"), BAD)
def test_a_bad_twin_is_refused_by_its_rule(rule: str, type_: str, spoil: Mapping[str, Any]) -> None:
    found = findings(spoiled(type_, spoil))
    assert rule in {finding.rule.id for finding in found}
    assert not [str(finding) for finding in found if "the rule itself failed" in finding.text]
