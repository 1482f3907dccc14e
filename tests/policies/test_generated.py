"""No rule fails on anything: not on a good twin in pieces, and not on values of the wrong form or kind."""

import copy
import random
from collections.abc import Iterator
from typing import Any

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies.guardrails import stack_findings
from policies.guardrails.estate import RULES as STACK_RULES

from .support import findings, good, stack, view

SEED = 20261126
RESOURCES = 2000
STACKS = 200
OTHER_FORMS: tuple[Any, ...] = (
    None,
    "",
    "x",
    "*",
    "{",
    "[]",
    '{"Statement": 1}',
    "x" * 5000,
    UNKNOWN_STRING_VALUE,
    "[secret]",
    0,
    -1,
    1e300,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    ["x", UNKNOWN_STRING_VALUE],
    [{"a": [{}]}],
    {"": ""},
    {"a": {"b": UNKNOWN_STRING_VALUE}},
    "arn:aws:s3:::",
    "arn:",
    "0.0.0.0/99",
    "999.1.1.1",
    "@sha256:",
    "://",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def broken(twin: Any, chance: random.Random) -> Any:
    """A twin with up to three of its values in another form, or with a field more."""
    result = copy.deepcopy(twin)
    for _ in range(chance.randint(1, 3)):
        *outer, last = chance.choice([path for path in places(result) if path])
        inner = result
        for key in outer:
            inner = inner[key]
        if chance.random() < 0.2 and isinstance(inner, dict):
            inner[f"unheardOf{chance.randint(0, 9)}"] = chance.choice(OTHER_FORMS)
        else:
            inner[last] = copy.deepcopy(chance.choice(OTHER_FORMS))
    return result


def test_no_rule_fails_on_two_thousand_broken_resources() -> None:
    chance = random.Random(SEED)
    twins = sorted(good().items())
    refused = 0
    for number in range(RESOURCES):
        type_, twin = twins[number % len(twins)]
        if not twin:
            continue
        spoiled = broken(twin, chance)
        found = findings(view(type_, spoiled))
        failed = [str(finding) for finding in found if "the rule itself failed" in finding.text]
        assert not failed, (type_, spoiled)
        refused += bool(found)
    # Many spoils hit a guarded field; were rules blind to forms, few would be refused.
    assert refused > RESOURCES / 4


def test_no_stack_rule_fails_on_broken_stacks() -> None:
    chance = random.Random(SEED)
    twins = sorted((type_, twin) for type_, twin in good().items() if twin)
    for _ in range(STACKS):
        chosen = chance.sample(twins, 12)
        resources = [view(type_, broken(twin, chance), name=f"r{index}") for index, (type_, twin) in enumerate(chosen)]
        found = stack_findings(STACK_RULES, stack(*resources))
        assert not [str(finding) for finding in found if "the rule itself failed" in finding.text]
