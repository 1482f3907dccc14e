"""estate.yaml is read strictly, and its exemptions end."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.guardrails import POLICIES, exemption_problems
from policies.guardrails.owner import DEFAULT_PATH, load_estate, read_estate
from policies.guardrails.reader import EstateError
from policies.guardrails.rules import Ledger, RuleSet

from .support import view

DATA: dict[str, Any] = yaml.safe_load(DEFAULT_PATH.read_text(encoding="utf-8"))
TODAY = datetime.date(2026, 11, 21)
EXEMPTION = {
    "rule": "egress-vpc-range-is-declared",
    "resource": "urn:pulumi:test::cloister::aws:ec2/vpc:Vpc::*",
    "reason": "the old network goes in January",
    "expires": datetime.date(2027, 1, 31),
}
PEER = DATA["peers"][0]
OFFICE = {"name": "head-office", "device_address": "198.51.100.7", "cidrs": ["10.200.0.0/16"]}
LATER = ("on_premises", "storage_ranges", "prefix_lists", "blocked_names_alarm", "organisation_policies")


def test_the_estate_of_the_repository_is_valid() -> None:
    assert "eu-central-1" in load_estate().regions


def test_the_environment_names_another_estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(yaml.safe_dump({**DATA, "regions": ["eu-north-1"]}), encoding="utf-8")
    monkeypatch.setenv("CLOISTER_ESTATE", str(path))
    assert load_estate().regions == {"eu-north-1"}
    monkeypatch.setenv("CLOISTER_ESTATE", str(tmp_path / "missing.yaml"))
    with pytest.raises(EstateError, match="cannot be read"):
        load_estate()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"region": ["eu-west-1"]}, "region: unknown key"),
        ({"regions": ["eu-west-2"]}, "regions\\[0\\]: 'eu-west-2' is not an EU region"),
        ({"accounts": [111122223333]}, "accounts\\[0\\]: 111122223333 is not an account id"),
        ({"accounts": "111122223333"}, "accounts: must be a list"),
        ({"organisation": "acme"}, "organisation: 'acme'"),
        ({"vpc_cidrs": ["10.42.0.0/8"]}, "vpc_cidrs\\[0\\]: '10.42.0.0/8' is not an IPv4 range"),
        ({"vpc_cidrs": ["52.16.0.0/16"]}, "is a public range"),
        ({"peers": [{**PEER, "port": 1}]}, "peers\\[0\\].port: unknown key"),
        ({"peers": [{**PEER, "region": "us-east-1"}]}, "peers\\[0\\].region"),
        ({"principals": ["arn:aws:iam::444455556666:role/*"]}, "principals\\[0\\]"),
        ({"vpc_cidrs": ["100.128.0.0/16"]}, "vpc_cidrs\\[0\\]: '100.128.0.0/16' is a public range"),
        ({"vpc_cidrs": ["100.0.0.0/8"]}, "vpc_cidrs\\[0\\]: '100.0.0.0/8' is a public range"),
        ({"vpc_cidrs": ["169.254.0.0/16"]}, "vpc_cidrs\\[0\\]: '169.254.0.0/16' is a public range"),
        ({"vpc_cidrs": ["10.42.0.0/16", 10]}, "vpc_cidrs\\[1\\]: 10 is not an IPv4 range"),
        ({"principals": ["arn:aws:iam::444455556666:*"]}, "principals\\[0\\]"),
        ({"peers": [{**PEER, "connection_id": "apps"}]}, "peers\\[0\\].connection_id: 'apps' is not the id"),
        (
            {"on_premises": [{**OFFICE, "cidrs": ["10.42.128.0/24"]}]},
            "on_premises\\[0\\].cidrs: '10.42.128.0/24' overlaps",
        ),
        ({"on_premises": [{**OFFICE, "cidrs": ["10.64.0.0/10"]}]}, "overlaps 10.90.0.0/16"),
        (
            {"on_premises": [{**OFFICE, "cidrs": ["0.0.0.0/0"]}]},
            "on_premises\\[0\\].cidrs\\[0\\]: '0.0.0.0/0' is a public",
        ),
        ({"on_premises": [{**OFFICE, "cidrs": []}]}, "on_premises\\[0\\].cidrs: is empty"),
        (
            {"on_premises": [{**OFFICE, "device_address": "vpn.example.com"}]},
            "device_address: 'vpn.example.com' is not",
        ),
        ({"on_premises": [{**OFFICE, "bgp_asn": 65000}]}, "on_premises\\[0\\].bgp_asn: unknown key"),
        ({"on_premises": [{"name": "office"}]}, "on_premises\\[0\\].cidrs: missing"),
        ({"on_premises": None}, "on_premises: must be a list"),
        ({"storage_ranges": ["0.0.0.0/0"]}, "storage_ranges\\[0\\]: '0.0.0.0/0' cannot be a range of S3"),
        ({"storage_ranges": ["52.192.0.0/11"]}, "storage_ranges\\[0\\]: '52.192.0.0/11' cannot be a range of S3"),
        ({"storage_ranges": ["10.50.0.0/16"]}, "storage_ranges\\[0\\]: '10.50.0.0/16' cannot be a range of S3"),
        ({"prefix_lists": ["com.amazonaws.eu-west-1.s3"]}, "prefix_lists\\[0\\]: 'com.amazonaws.eu-west-1.s3' is not"),
        ({"blocked_names_alarm": 1}, "blocked_names_alarm: 1 is not true or false"),
        ({"managed_endpoints": "yes"}, "managed_endpoints: 'yes'"),
        ({"exemptions": [{**EXEMPTION, "expires": "soon"}]}, "exemptions\\[0\\].expires: 'soon' is not a day"),
        ({"exemptions": [{**EXEMPTION, "reason": "x"}]}, "exemptions\\[0\\].reason"),
        ({"exemptions": [{**EXEMPTION, "resource": "*"}]}, "exemptions\\[0\\].resource"),
        ({"exemptions": [{**EXEMPTION, "resource": "urn:pulumi:*::*"}]}, "matches everything"),
    ],
)
def test_an_estate_that_is_wrong_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(EstateError, match=problem):
        read_estate(yaml.safe_dump({**DATA, **change}))


def test_what_was_added_to_the_estate_later_may_be_left_out() -> None:
    estate = read_estate(yaml.safe_dump({key: value for key, value in DATA.items() if key not in LATER}))
    assert (estate.on_premises, estate.storage_ranges, estate.prefix_lists) == ((), (), frozenset())
    assert not estate.blocked_names_alarm
    with pytest.raises(EstateError, match="regions: missing"):
        read_estate(yaml.safe_dump({key: value for key, value in DATA.items() if key != "regions"}))


def test_pods_and_on_premises_networks_count_as_ranges_that_traffic_may_stay_in() -> None:
    text = yaml.safe_dump({**DATA, "vpc_cidrs": ["10.42.0.0/16", "100.64.0.0/16"], "on_premises": [OFFICE]})
    assert {str(cidr) for cidr in read_estate(text).ranges} == {
        "10.42.0.0/16",
        "100.64.0.0/16",
        "10.90.0.0/16",
        "10.91.0.0/16",
        "10.200.0.0/16",
    }


def test_every_problem_of_an_estate_is_told_at_once() -> None:
    with pytest.raises(EstateError) as caught:
        read_estate(yaml.safe_dump({**DATA, "regions": ["eu-west-2"], "accounts": ["1"], "extra": 1}))
    assert len(caught.value.problems) == 3


def ledger(today: datetime.date, **change: Any) -> Ledger:
    estate = read_estate(yaml.safe_dump({**DATA, "exemptions": [{**EXEMPTION, **change}]}))
    return Ledger(estate.exemptions, today)


def exempted(book: Ledger) -> bool:
    vpc = view("aws:ec2/vpc:Vpc", {"cidrBlock": "10.99.0.0/16", "enableDnsHostnames": True})
    (finding,) = [f for f in RuleSet(POLICIES["egress"][1]).findings(vpc)]
    return book.exempts(finding)


def test_an_exemption_silences_one_rule_and_is_listed() -> None:
    book = ledger(TODAY)
    assert exempted(book)
    assert len(book.used) == 1
    assert exemption_problems(book) == []


def test_an_exemption_ends_after_its_day() -> None:
    assert exempted(ledger(datetime.date(2027, 1, 31)))
    book = ledger(datetime.date(2027, 2, 1))
    assert not exempted(book)
    assert "expired on 2027-01-31" in exemption_problems(book)[0]


def test_an_exemption_that_matches_nothing_is_a_finding() -> None:
    assert "matched nothing" in exemption_problems(ledger(TODAY))[0]
    assert not exempted(ledger(TODAY, resource="urn:pulumi:test::cloister::aws:ec2/vpc:Vpc::other"))


def test_an_exemption_of_another_stack_matches_nothing_here_and_that_is_right() -> None:
    here, elsewhere = (f"urn:pulumi:{stack}::cloister::aws:ec2/vpc:Vpc::vpc" for stack in ("test", "serving-dev"))
    assert "matched nothing" in exemption_problems(ledger(TODAY), [here])[0]
    assert exemption_problems(ledger(TODAY), [elsewhere]) == []
    assert "matched nothing" in exemption_problems(ledger(TODAY, resource="urn:pulumi:*::Vpc::*"), [elsewhere])[0]


def test_an_exemption_of_an_unknown_rule_is_a_finding() -> None:
    assert "no such rule" in exemption_problems(ledger(TODAY, rule="egress-everything"))[0]
