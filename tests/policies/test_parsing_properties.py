"""Laws of what reads ARNs, ranges, hosts and JSON policies, whatever text comes."""

import copy
import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.guardrails.addresses import inside, is_private_host, url_host
from policies.guardrails.arns import foreign, is_own_bucket, parse_arn
from policies.guardrails.facts import EU_REGIONS
from policies.guardrails.iam import _like, statements, strangers
from tests.iam_evaluator import _like as like_of_the_evaluator

from .support import estate

LAW: Final = settings(max_examples=200, deadline=None, derandomize=True, database=None)
"""The same examples on every machine: a law that breaks, breaks for everybody."""
WORDS: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789-/*", min_size=1, max_size=12)
REGIONS: Final = st.sampled_from([*sorted(EU_REGIONS), "us-east-1", "eu-west-2", "eu-central-2", "eu-isoe-west-1"])
ACCOUNTS: Final = st.sampled_from([*sorted(estate().accounts), "999988887777", "000000000000"])
PARTITIONS: Final = st.sampled_from(["aws", "aws-eusc", "aws-us-gov"])
NETWORKS: Final = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6) | st.sampled_from(["*", "Allow", "s3:*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Principal", "Action", "Resource", "Condition", "AWS", "x"]), inner
        )
    ),
    max_leaves=12,
)
ACTIONS: Final = st.sampled_from(["s3:GetObject", "s3:*", "kms:Decrypt", "*"])
OWN_PRINCIPALS: Final = st.sampled_from(["arn:aws:iam::111122223333:root", "111122223333"])
STATEMENTS: Final = st.fixed_dictionaries(
    {
        "Effect": st.just("Allow"),
        "Principal": st.fixed_dictionaries({"AWS": st.lists(OWN_PRINCIPALS, min_size=1, max_size=3)}),
        "Action": st.lists(ACTIONS, min_size=1, max_size=3),
        "Resource": st.just(["*"]),
    }
)


@LAW
@given(st.text(max_size=60))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (parse_arn, lambda it: is_own_bucket(it, estate()), lambda it: is_private_host(it, estate()), url_host):
        read(text)
    assert inside(text, ()) is False


@LAW
@given(PARTITIONS, WORDS, REGIONS, ACCOUNTS, WORDS)
def test_an_arn_is_read_by_its_parts(partition: str, service: str, region: str, account: str, resource: str) -> None:
    text = f"arn:{partition}:{service}:{region}:{account}:{resource}:{resource}"
    arn = parse_arn(text)
    assert arn is not None
    assert (arn.service, arn.region, arn.account) == (service, region, account)
    assert arn.resource == f"{resource}:{resource}"


@LAW
@given(REGIONS, ACCOUNTS, WORDS)
def test_an_arn_of_another_region_or_account_is_foreign_and_an_own_one_is_not(
    region: str, account: str, resource: str
) -> None:
    text = f"arn:aws:sqs:{region}:{account}:{resource}"
    arn = parse_arn(text)
    assert arn is not None
    own = region in estate().regions and account in estate().accounts
    assert (foreign(arn, text, estate()) is None) == own


@LAW
@given(NETWORKS, st.lists(NETWORKS, max_size=3))
def test_a_range_is_inside_when_every_address_of_it_is(network: IPv4Network, owned: list[IPv4Network]) -> None:
    expected = any(
        one.network_address <= network.network_address and network.broadcast_address <= one.broadcast_address
        for one in owned
    )
    assert inside(str(network), owned) is expected


@LAW
@given(NETWORKS.filter(lambda network: network.prefixlen < 31))
def test_a_range_with_host_bits_is_in_nothing(network: IPv4Network) -> None:
    assert inside(f"{network.network_address + 1}/{network.prefixlen}", [IPv4Network("0.0.0.0/0")]) is False


@LAW
@given(st.text("ab*?.[", max_size=6), st.text("ab.[", max_size=6))
def test_patterns_match_as_iam_matches(pattern: str, text: str) -> None:
    assert (_like(pattern).fullmatch(text) is not None) is like_of_the_evaluator(pattern, text)


@LAW
@given(JSON)
def test_whatever_is_no_policy_is_refused_as_such(document: Any) -> None:
    """Rules turn these kinds of error into a finding; any other would be reported as a fault of the rule itself."""
    try:
        found = statements(document)
    except (AttributeError, LookupError, TypeError, ValueError):
        return
    assert document is None or isinstance(document, Mapping | str)
    assert isinstance(found, tuple)


@LAW
@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_text_and_object_lists_and_single_values_say_the_same(listed: list[dict[str, Any]]) -> None:
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": listed}
    short = copy.deepcopy(document)
    for entry in short["Statement"]:
        for name in ("Action", "Resource"):
            entry[name] = entry[name][0] if len(entry[name]) == 1 else entry[name]
    if len(listed) == 1:
        short["Statement"] = short["Statement"][0]
    assert statements(document) == statements(json.dumps(document)) == statements(short)
    assert [problem for one in statements(document) for problem in strangers(one, estate())] == []


@pytest.mark.parametrize("stranger", ["*", "arn:aws:iam::999988887777:root", "999988887777", "arn:aws:iam::*:root"])
@LAW
@given(st.lists(STATEMENTS, min_size=1, max_size=3), st.data())
def test_one_stranger_anywhere_is_found(stranger: str, listed: list[dict[str, Any]], data: st.DataObject) -> None:
    entry = data.draw(st.sampled_from(listed))
    entry["Principal"] = {"AWS": [*entry["Principal"]["AWS"], stranger]}
    found = [problem for one in statements({"Statement": listed}) for problem in strangers(one, estate())]
    assert found


@LAW
@given(STATEMENTS, st.sampled_from(["StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringEquals", "Null"]))
def test_a_condition_that_an_absent_key_satisfies_narrows_nothing(entry: dict[str, Any], operator: str) -> None:
    open_to_all = {**entry, "Principal": "*", "Condition": {operator: {"aws:PrincipalOrgID": estate().organisation}}}
    held = {**open_to_all, "Condition": {"StringEquals": {"aws:PrincipalOrgID": estate().organisation}}}
    for statement, refused in ((open_to_all, True), (held, False)):
        (one,) = statements({"Statement": statement})
        assert bool(list(strangers(one, estate()))) is refused
