"""The evaluator is held to IAM's documented answers before anybody believes what it says of our policies."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.iam_evaluator import Request, Values, allows

CALLER = "arn:aws:iam::111122223333:role/reader"
OBJECT = "arn:aws:s3:::bucket/a/b"


def asked(action: str = "s3:GetObject", resource: str = OBJECT, /, **context: Values) -> Request:
    """A request of our reader; context keys with `__` for `:`."""
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return Request(action=action, resource=resource, principal=CALLER, context=keys)


def document(**elements: Any) -> Mapping[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **elements}]}


def holds(operator: str, key: str, wanted: Values, **context: Values) -> bool:
    return allows(document(Condition={operator: {key: wanted}}), asked(**context))


def test_nothing_is_allowed_by_default_and_a_denial_wins() -> None:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    assert not allows({"Statement": []}, asked())
    assert allows({"Statement": [allow]}, asked())
    assert not allows({"Statement": [allow, deny]}, asked())
    assert not allows({"Statement": [deny, allow]}, asked())


@pytest.mark.parametrize(
    ("action", "matches"),
    [
        ("s3:GetObject", True),
        ("S3:getobject", True),
        ("s3:Get*", True),
        ("s3:GetObj?ct", True),
        ("s3:GetObjectVersion", False),
        ("ec2:*", False),
        ("s3:[G]etObject", False),
        (["a:B", "s3:GetObject"], True),
    ],
)
def test_actions_are_matched_without_case_and_with_two_wildcards(action: Any, matches: bool) -> None:
    assert allows(document(Action=action), asked()) is matches


def test_not_action_allows_all_others() -> None:
    policy = {"Statement": {"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}}
    assert allows(policy, asked())
    assert not allows(policy, asked("s3:PutObject"))


@pytest.mark.parametrize(
    ("resource", "matches"),
    [(OBJECT, True), ("arn:aws:s3:::bucket/*", True), ("arn:aws:s3:::bucket", False), ("arn:aws:s3:::Bucket/*", False)],
)
def test_resources_are_matched_with_case_and_a_star_crosses_slashes(resource: str, matches: bool) -> None:
    assert allows(document(Resource=resource), asked()) is matches


def test_not_resource_covers_all_others() -> None:
    policy = {"Statement": [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bucket/*"}]}
    assert not allows(policy, asked())
    assert allows(policy, asked("s3:GetObject", "arn:aws:s3:::other/a"))


def test_an_action_without_resources_is_matched_by_the_star_alone() -> None:
    assert allows(document(), asked("ec2:DescribeSubnets", "*"))
    assert not allows(document(Resource="arn:aws:ec2:*:*:subnet/*"), asked("ec2:DescribeSubnets", "*"))


@pytest.mark.parametrize(
    ("principal", "matches"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": "111122223333"}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, True),
        ({"AWS": CALLER}, True),
        ({"AWS": ["arn:aws:iam::111122223333:role/writer", CALLER]}, True),
        ({"AWS": "arn:aws:iam::444455556666:root"}, False),
        ({"Service": "ec2.amazonaws.com"}, False),
        ({"Federated": "cognito-identity.amazonaws.com"}, False),
    ],
)
def test_a_principal_is_everybody_an_account_or_one_identity(principal: Any, matches: bool) -> None:
    assert allows(document(Principal=principal), asked()) is matches


def test_services_are_named_as_services() -> None:
    request = Request(action="s3:PutObject", resource=OBJECT, service="cloudtrail.amazonaws.com")
    assert allows(document(Principal={"Service": "cloudtrail.amazonaws.com"}), request)
    assert not allows(document(Principal={"Service": "config.amazonaws.com"}), request)
    assert not allows(document(Principal={"AWS": "111122223333"}), request)


def test_not_principal_is_everybody_else() -> None:
    policy = document(NotPrincipal={"AWS": CALLER})
    assert not allows(policy, asked())
    assert allows(policy, Request(action="a:B", resource="*", principal="arn:aws:iam::444455556666:role/x"))


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("StringEquals", "o-1", "o-1", True),
        ("StringEquals", "o-1", "O-1", False),
        ("StringEquals", ["o-1", "o-2"], "o-2", True),
        ("StringEquals", "o-*", "o-1", False),
        ("StringEqualsIgnoreCase", "o-a", "O-A", True),
        ("StringNotEquals", "o-1", "o-2", True),
        ("StringNotEquals", ["o-1", "o-2"], "o-2", False),
        ("StringLike", "o-?", "o-1", True),
        ("StringNotLike", ["a*", "b*"], "c", True),
        ("StringNotLike", ["a*", "b*"], "bc", False),
        ("ArnLike", "arn:aws:iam::*:role/r*", CALLER, True),
        ("ArnEquals", "arn:aws:iam::*:role/r*", CALLER, True),
        ("ArnLike", "arn:aws:*:role/reader", CALLER, False),
        ("ArnNotEquals", ["arn:aws:iam::111122223333:role/reader"], CALLER, False),
        ("ArnNotLike", "arn:aws:iam::444455556666:*", CALLER, True),
        ("IpAddress", ["10.0.0.0/8", "192.168.0.0/16"], "10.42.1.1", True),
        ("IpAddress", "10.0.0.0/8", "11.0.0.1", False),
        ("NotIpAddress", ["10.0.0.0/8"], "10.42.1.1", False),
        ("NotIpAddress", ["10.0.0.0/8", "192.168.0.0/16"], "11.0.0.1", True),
        ("Bool", "true", "true", True),
        ("Bool", "false", "true", False),
    ],
)
def test_operators_compare_as_iam_documents(operator: str, wanted: Values, found: str, expected: bool) -> None:
    assert holds(operator, "aws:Key", wanted, aws__Key=found) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("ArnLike", False),
        ("IpAddress", False),
        ("Bool", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("ArnNotEquals", True),
        ("ArnNotLike", True),
        ("NotIpAddress", True),
        ("StringEqualsIfExists", True),
        ("BoolIfExists", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAllValues:StringEquals", True),
    ],
)
def test_an_absent_key_is_false_but_for_negation_if_exists_and_for_all(operator: str, expected: bool) -> None:
    wanted = "10.0.0.0/8" if "Ip" in operator else "a:b:c:d:e:f"
    assert holds(operator, "aws:Absent", wanted) is expected


def test_null_asks_whether_a_key_is_there() -> None:
    assert holds("Null", "aws:Key", "true")
    assert not holds("Null", "aws:Key", "false")
    assert holds("Null", "aws:Key", "false", aws__Key="x")


def test_several_values_need_a_quantifier() -> None:
    assert holds("ForAnyValue:StringEquals", "aws:Keys", ["a", "b"], aws__Keys=["b", "z"])
    assert not holds("ForAnyValue:StringEquals", "aws:Keys", ["a", "b"], aws__Keys=["z"])
    assert holds("ForAllValues:StringEquals", "aws:Keys", ["a", "b"], aws__Keys=["a", "b"])
    assert not holds("ForAllValues:StringEquals", "aws:Keys", ["a", "b"], aws__Keys=["a", "z"])
    with pytest.raises(ValueError, match="no quantifier"):
        holds("StringEquals", "aws:Keys", "a", aws__Keys=["a", "z"])


def test_all_operators_and_keys_of_a_statement_must_hold_and_keys_have_no_case() -> None:
    policy = document(Condition={"StringEquals": {"AWS:One": "1", "aws:Two": "2"}, "Bool": {"aws:Three": "true"}})
    assert allows(policy, asked(aws__one="1", aws__Two="2", aws__Three="true"))
    for missing in ("aws__one", "aws__Two", "aws__Three"):
        given = {"aws__one": "1", "aws__Two": "2", "aws__Three": "true"}
        del given[missing]
        assert not allows(policy, asked(**given))


@pytest.mark.parametrize(
    "elements",
    [
        {"Effect": "Maybe"},
        {"Conditions": {}},
        {"NotAction": "s3:*"},
        {"Principal": "111122223333"},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}},
        {"Principal": {"Robot": "x"}},
        {"Condition": {"NumericGreaterThan": {"aws:Key": "1"}}},
        {"Condition": {"Sometimes:StringEquals": {"aws:Key": "1"}}},
    ],
)
def test_what_is_not_understood_is_an_error_and_no_answer(elements: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        allows(document(**elements), asked())
