"""Two thousand resources of every allowed type with values of any form: what rules cannot read is refused."""

import copy
import random
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies.guardrails import POLICIES, stack_findings

from .spoiling import plain, replaced
from .support import bad, findings, good, spoiled, stack, view

SEEDS = 20
"""Times about a hundred types."""
SHAPES: tuple[Any, ...] = (
    None,
    True,
    -1.0,
    1e308,
    "",
    "x" * 10_000,
    "{",
    '{"Statement": "x"}',
    '{"Statement": [1, {"Effect": "Allow", "Principal": 1, "Action": {}, "Condition": []}]}',
    "[secret]",
    "arn:::::",
    "10.0.0.0/99",
    UNKNOWN_STRING_VALUE,
    [],
    {},
    [[["x"]]],
    [None, 1.0, "x", {}],
    {"x": {"x": [UNKNOWN_STRING_VALUE]}},
    [{"x": UNKNOWN_STRING_VALUE}, UNKNOWN_STRING_VALUE],
)


def disturbed(value: Any, chance: random.Random, odds: float) -> Any:
    """A value with random parts below it replaced by something of another form."""
    if chance.random() < odds:
        return copy.deepcopy(chance.choice(SHAPES))
    if isinstance(value, dict):
        return {key: disturbed(item, chance, odds) for key, item in value.items()}
    if isinstance(value, list):
        return [disturbed(item, chance, odds) for item in value]
    return value


def generated(token: str, seed: int) -> Any:
    chance = random.Random(f"{token} {seed}")
    twin = view(token, good()[token])
    properties = plain(twin.props)
    return replaced(twin, {key: disturbed(item, chance, 0.15) for key, item in properties.items()})


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_rule_throws_on_values_of_any_form(seed: int) -> None:
    resources = [generated(token, seed) for token in sorted(good())]
    found = [finding for resource in resources for finding in findings(resource)]
    found += stack_findings(POLICIES["estate"][1], stack(*resources))
    assert found
    assert [str(finding) for finding in found if "the rule itself failed" in finding.text] == []


def test_two_thousand_resources_are_generated() -> None:
    assert SEEDS * len(good()) >= 2_000


BAD = [pytest.param(*row[1:], id=f"{row[0]}-{index}") for index, row in enumerate(bad())]


@pytest.mark.parametrize(("type_", "spoil"), BAD)
def test_a_bad_twin_is_refused_with_its_objects_written_as_lists_of_one(type_: str, spoil: Mapping[str, Any]) -> None:
    """Providers read a list of one as the object itself, so a rule must not take it for absence."""
    twin = spoiled(type_, spoil)
    properties = plain(twin.props)
    lists = {key: [value] if isinstance(value, dict) and key in spoil else value for key, value in properties.items()}
    assert findings(replaced(twin, lists))
