"""The JSON policy evaluator: who is admitted, and which conditions narrow for certain."""

import json
from typing import Any

import pytest
from pulumi_policy.proxy import unknown_checking_proxy

from policies.guardrails.iam import callers_are_own, is_aws_read, resources_are_own, statements, strangers

from .support import estate

OWN, FOREIGN = "111122223333", "999988887777"


def statement(**parts: Any) -> Any:
    entry = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **parts}
    return statements({"Statement": [{key: value for key, value in entry.items() if value is not None}]})[0]


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:PrincipalAccount", OWN),
        ("StringEquals", "AWS:principalaccount", [OWN]),
        ("StringEquals", "aws:PrincipalOrgID", "o-cl0ister01"),
        ("ForAnyValue:StringEquals", "aws:PrincipalOrgID", "o-cl0ister01"),
        ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OWN}:role/*"),
        ("StringEquals", "aws:SourceVpce", "vpce-0123456789abcdef0"),
        ("StringEquals", "aws:SourceAccount", OWN),
    ],
)
def test_a_condition_on_the_organisation_narrows_callers(operator: str, key: str, value: Any) -> None:
    assert callers_are_own(statement(Condition={operator: {key: value}}), estate())


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEqualsIfExists", "aws:PrincipalAccount", OWN),
        ("ForAllValues:StringEquals", "aws:PrincipalAccount", OWN),
        ("StringNotEquals", "aws:PrincipalAccount", FOREIGN),
        ("StringEquals", "aws:PrincipalAccount", [OWN, FOREIGN]),
        ("StringEquals", "aws:PrincipalAccount", []),
        ("StringLike", "aws:PrincipalArn", "*"),
        ("StringLike", "aws:SourceVpce", "vpce-*"),
        ("Bool", "aws:SecureTransport", "true"),
    ],
)
def test_a_condition_that_can_be_true_for_others_narrows_nothing(operator: str, key: str, value: Any) -> None:
    assert not callers_are_own(statement(Condition={operator: {key: value}}), estate())


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"arn:aws:iam::{OWN}:root"},
        {"AWS": [OWN]},
        {"AWS": "arn:aws:iam::444455556666:role/llm-consumer"},
        {"Service": "pods.eks.amazonaws.com"},
        {"Service": "logs.eu-west-1.amazonaws.com"},
    ],
)
def test_known_principals_are_no_strangers(principal: Any) -> None:
    assert list(strangers(statement(Principal=principal), estate())) == []


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": [f"arn:aws:iam::{OWN}:root", "*"]},
        {"AWS": f"arn:aws:iam::{FOREIGN}:root"},
        {"AWS": FOREIGN},
        {"AWS": "arn:aws:iam::444455556666:role/other"},
        {"Service": "logs.us-east-1.amazonaws.com"},
        {"Service": "*"},
        {"Service": "logs.example.com"},
        {"Federated": "accounts.google.com"},
        {"Federated": f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"},
        {"CanonicalUser": "abc"},
        {"*": "*"},
    ],
)
def test_unknown_principals_are_strangers(principal: Any) -> None:
    assert list(strangers(statement(Principal=principal), estate()))


@pytest.mark.parametrize(
    ("operator", "subject", "narrow"),
    [
        ("StringEquals", "repo:cloister/deploy:environment:prod", True),
        ("StringLike", "repo:cloister/deploy:*", True),
        ("StringLike", "*", False),
        ("StringLike", "*:cloister", False),
        ("StringEqualsIfExists", "repo:cloister/deploy", False),
        ("StringNotEquals", "repo:evil/x", False),
    ],
)
def test_an_identity_provider_is_trusted_for_named_subjects_only(operator: str, subject: str, narrow: bool) -> None:
    provider = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
    condition = {operator: {"token.actions.githubusercontent.com:sub": subject}}
    found = list(strangers(statement(Principal={"Federated": provider}, Condition=condition), estate()))
    assert (found == []) is narrow


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("aws:SourceAccount", FOREIGN, f"may act for '{FOREIGN}'"),
        ("aws:SourceAccount", [OWN, FOREIGN], f"may act for '{FOREIGN}'"),
        ("aws:SourceArn", f"arn:aws:cloudtrail:eu-west-1:{FOREIGN}:trail/x", "may act for"),
        ("aws:SourceArn", "arn:aws:s3:::somebody-elses", "may act for"),
        ("aws:SourceOrgID", "o-other00000", "may act for"),
        ("aws:SourceAccount", OWN, ""),
        ("aws:SourceArn", f"arn:aws:s3:::cloister-weights-{OWN}-eu-west-1", ""),
        ("aws:SourceOrgID", "o-cl0ister01", ""),
    ],
)
def test_a_service_may_act_for_the_organisation_only(key: str, value: Any, problem: str) -> None:
    made = statement(Principal={"Service": "cloudtrail.amazonaws.com"}, Condition={"StringEquals": {key: value}})
    told = " ".join(strangers(made, estate()))
    assert problem in told
    assert bool(told) == bool(problem)


def test_not_principal_with_allow_is_a_stranger_and_deny_is_not() -> None:
    assert list(strangers(statement(Principal=None, NotPrincipal={"AWS": OWN}), estate()))
    assert not list(strangers(statement(Effect="Deny"), estate()))


@pytest.mark.parametrize(
    ("action", "pattern", "granted"),
    [
        ("s3:PutObject", "s3:PutObject", True),
        ("s3:PutObject", "S3:PUTOBJECT", True),
        ("s3:PutObject", "s3:Put*", True),
        ("s3:PutObject", "s3:?utObject", True),
        ("s3:PutObject", "*", True),
        ("s3:PutObject", "s3:Get*", False),
        ("s3:PutObject", "s3:[P]utObject", False),
    ],
)
def test_actions_are_compared_without_case_and_with_patterns(action: str, pattern: str, granted: bool) -> None:
    assert statement(Action=[pattern]).grants(action) is granted


def test_not_action_grants_the_rest_and_deny_grants_nothing() -> None:
    assert statement(Action=None, NotAction=["iam:*"]).grants("s3:PutObject")
    assert not statement(Action=None, NotAction=["s3:*"]).grants("s3:PutObject")
    assert not statement(Effect="Deny").grants("s3:GetObject")


def test_resources_are_own_by_condition_or_by_account() -> None:
    assert resources_are_own(statement(Condition={"StringEquals": {"aws:ResourceAccount": OWN}}), estate())
    assert resources_are_own(statement(Resource=f"arn:aws:kms:eu-west-1:{OWN}:key/1"), estate())
    assert not resources_are_own(statement(Resource="arn:aws:s3:::anything/*"), estate())
    assert not resources_are_own(statement(Condition={"StringEquals": {"aws:ResourceAccount": FOREIGN}}), estate())
    assert not resources_are_own(statement(Resource=None, NotResource="arn:aws:s3:::x"), estate())


def test_image_layers_of_an_allowed_region_may_be_read_only() -> None:
    layers = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"
    assert is_aws_read(statement(Resource=layers), estate())
    assert not is_aws_read(statement(Resource=layers, Action="s3:PutObject"), estate())
    assert not is_aws_read(statement(Resource=layers.replace("eu-west-1", "us-east-1")), estate())


def test_a_policy_is_read_as_text_as_object_and_as_proxy() -> None:
    policy = {"Statement": {"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "s3:*", "Resource": "*"}}
    assert statements(policy) == statements(json.dumps(policy)) == statements(unknown_checking_proxy(policy))


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        '{"Statement": [{"Effect": "Maybe"}]}',
        '{"statement": []}',
        '{"Statement": [{"Effect": "Allow", "principal": "*", "Action": "s3:*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "NotPrincipal": "*", "Action": "s3:*"}]}',
        '{"Statement": [{"Effect": "Deny", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}',
        '{"Statement": [], "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}',
    ],
)
def test_what_is_no_policy_or_can_be_read_in_two_ways_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match=r"policy|Effect|Expecting|element|twice|about"):
        statements(value)
