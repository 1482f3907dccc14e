"""The pack's evaluator beside the independent one of the tests: whoever gets in was seen."""

import json
import random
from typing import Any

from policies.guardrails.iam import statements, strangers
from tests.iam_evaluator import Request, allows

from .support import estate

SEED = 20261126
POLICIES = 4000
OWN, FOREIGN, PEER_ROLE = "111122223333", "999988887777", "arn:aws:iam::444455556666:role/llm-consumer"
ORGANISATION = "o-cl0ister01"
PRINCIPALS: tuple[Any, ...] = (
    "*",
    {"AWS": "*"},
    {"AWS": [f"arn:aws:iam::{OWN}:root", "*"]},
    {"AWS": f"arn:aws:iam::{OWN}:root"},
    {"AWS": [OWN]},
    {"AWS": PEER_ROLE},
    {"AWS": [f"arn:aws:iam::{OWN}:role/a", f"arn:aws:iam::{FOREIGN}:role/b"]},
    {"AWS": FOREIGN},
    {"AWS": f"arn:aws:iam::{FOREIGN}:root"},
    {"Service": "cloudtrail.amazonaws.com"},
    {"Service": ["logs.eu-west-1.amazonaws.com"], "AWS": FOREIGN},
)
OPERATORS = (
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotLike",
    "ArnLike",
    "ArnNotLike",
    "Null",
)
KEYS: dict[str, tuple[str, ...]] = {
    "aws:PrincipalAccount": (OWN, FOREIGN, "*", "1111*"),
    "aws:PrincipalOrgID": (ORGANISATION, "o-other00000", "o-*"),
    "aws:PrincipalArn": (f"arn:aws:iam::{OWN}:role/*", f"arn:aws:iam::{FOREIGN}:role/*", "arn:aws:iam::*:role/b"),
    "aws:SourceVpce": ("vpce-0123456789abcdef0", "vpce-*"),
    "aws:SourceAccount": (OWN, FOREIGN),
    "s3:prefix": ("a/*", "*"),
}
# Callers from outside: another account's role with everything about it known, and one whose keys are all absent.
OUTSIDE = {
    "aws:PrincipalAccount": FOREIGN,
    "aws:PrincipalOrgID": "o-other00000",
    "aws:PrincipalArn": f"arn:aws:iam::{FOREIGN}:role/b",
    "aws:SourceVpce": "vpce-0ffffffffffffffff",
    "s3:prefix": "a/b",
}
ACTIONS = ("s3:GetObject", "kms:Decrypt", "sqs:SendMessage")


def condition(chance: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        key = chance.choice(tuple(KEYS))
        operator = chance.choice(OPERATORS)
        if operator == "Null":
            found.setdefault("Null", {})[key] = chance.choice(("true", "false"))
            continue
        operator = chance.choice(("", "", "", "ForAnyValue:", "ForAllValues:")) + operator
        operator += chance.choice(("", "", "IfExists"))
        values = chance.sample(KEYS[key], chance.randint(1, len(KEYS[key])))
        found.setdefault(operator, {})[key] = values[0] if len(values) == 1 else values
    return found


def statement(chance: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": "Allow",
        chance.choice(("Principal", "Principal", "Principal", "NotPrincipal")): None,
    }
    made = {name: chance.choice(PRINCIPALS) if value is None else value for name, value in made.items()}
    action = chance.choice(("*", "s3:*", ["s3:Get*", "kms:Decrypt"], "sqs:SendMessage"))
    made[chance.choice(("Action", "Action", "NotAction"))] = action
    made["Resource"] = "*"
    if found := condition(chance):
        made["Condition"] = found
    return made


def strangers_get_in(policy: dict[str, Any]) -> bool:
    role = f"arn:aws:iam::{FOREIGN}:role/b"
    return any(
        allows(policy, Request(action=action, resource="arn:aws:s3:::x/y", principal=role, context=context))
        for action in ACTIONS
        for context in (OUTSIDE, {})
    )


def test_whoever_gets_in_from_outside_is_told_as_a_stranger() -> None:
    chance = random.Random(SEED)
    admitted = seen = 0
    for _ in range(POLICIES):
        policy = {"Version": "2012-10-17", "Statement": [statement(chance)]}
        # Text and object are the same policy.
        [read] = statements(json.dumps(policy))
        assert [read] == list(statements(policy))
        told = list(strangers(read, estate()))
        seen += not told
        if strangers_get_in(policy):
            admitted += 1
            assert told, policy
    assert admitted > POLICIES / 5
    # The pack does not merely refuse everything.
    assert seen > POLICIES / 10


def test_lists_and_single_values_are_the_same_policy() -> None:
    chance = random.Random(SEED)
    for _ in range(POLICIES // 10):
        made = statement(chance)
        listed = {
            name: value if name in ("Effect", "Principal", "NotPrincipal", "Condition") else _listed(value)
            for name, value in made.items()
        }
        if "Condition" in made:
            listed["Condition"] = {
                operator: {key: _listed(values) for key, values in keys.items()}
                for operator, keys in made["Condition"].items()
            }
        assert statements({"Statement": made}) == statements({"Statement": [listed]})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
