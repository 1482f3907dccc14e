"""Rules over whole stacks: small good stacks, and one spoiled thing at a time."""

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from policies.guardrails import POLICIES, stack_findings, stack_view
from policies.guardrails.estate.names import service_names

from .network_sketches import ATTACHED, FRONT, NAMES, PEERED, SHARED, VPN
from .sketches import EDGE, SERVING, STORAGE, Sketch, built
from .spoiled_stacks import BLOCKED, MANAGED, SPOILED, WITHOUT
from .support import estate, good, merged, stack, token, view

_OUTSIDE = {"networksAdvanced": [{"name": "cloister-front"}]}
ESTATE_RULES = POLICIES["estate"][1]
GOOD = {
    "network": NAMES,
    "shared": SHARED,
    "peered": PEERED,
    "front": FRONT,
    "vpn": VPN,
    "attached": ATTACHED,
    "storage": STORAGE,
    "serving": SERVING,
    "edge": EDGE,
}
BAD = [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(SPOILED)]


def problems(sketch: Sketch) -> list[str]:
    return [str(finding) for finding in stack_findings(ESTATE_RULES, stack(*built(sketch)))]


@pytest.mark.parametrize("sketch", GOOD.values(), ids=GOOD)
def test_a_good_stack_breaks_no_rule(sketch: Sketch) -> None:
    assert problems(sketch) == []


@pytest.mark.parametrize(("rule", "sketch", "name", "spoil", "sources"), BAD)
def test_a_spoiled_stack_is_refused_by_its_rule(
    rule: str, sketch: Sketch, name: str, spoil: Mapping[str, Any] | None, sources: Mapping[str, tuple[str, ...]]
) -> None:
    changed = dict(sketch)
    kind, base, known = changed.pop(name)
    if spoil is not WITHOUT:
        removed = {key: None for key, value in spoil.items() if value is None}
        changed[name] = (kind, {**merged(base, spoil), **removed}, {**known, **sources})
    before = stack_findings(ESTATE_RULES, stack(*built(sketch)))
    found = stack_findings(ESTATE_RULES, stack(*built(changed)))
    assert rule not in {finding.rule.id for finding in before}
    assert rule in {finding.rule.id for finding in found}
    assert not [str(finding) for finding in found if "the rule itself failed" in finding.text]


def test_a_job_that_ends_may_join_a_network_that_leads_out() -> None:
    loader: Any = (
        "docker:index/container:Container",
        {**_OUTSIDE, "ports": None, "mustRun": False, "restart": "no", "attach": True},
        {},
    )
    assert problems({**EDGE, "loader": loader}) == []


def test_a_device_with_a_certificate_needs_no_key() -> None:
    kind, base, sources = VPN["office"]
    certificate = "arn:aws:acm:eu-west-1:111122223333:certificate/0c1015e7-0000-4000-8000-0000000000cd"
    certified: Sketch = {
        **VPN,
        "device": ("ec2/customerGateway", {"certificateArn": certificate}, {}),
        "office": (kind, {**(base or {}), "presharedKeyStorage": None}, sources),
    }
    assert problems(certified) == []


def test_an_alarm_is_asked_for_only_where_the_estate_wants_one() -> None:
    quiet = dataclasses.replace(estate(), blocked_names_alarm=False)
    silent = {name: NAMES[name] for name in NAMES if name not in ("blocked", "alarm", "topic")}
    resources = [dataclasses.replace(resource, estate=quiet) for resource in built(silent)]
    assert [str(finding) for finding in stack_findings(ESTATE_RULES, stack(*resources))] == []


def test_a_count_of_blocked_names_that_nobody_reads_is_refused_in_every_estate() -> None:
    quiet = dataclasses.replace(estate(), blocked_names_alarm=False)
    unread = {name: NAMES[name] for name in NAMES if name != "alarm"}
    resources = [dataclasses.replace(resource, estate=quiet) for resource in built(unread)]
    assert {finding.rule.id for finding in stack_findings(ESTATE_RULES, stack(*resources))} == {BLOCKED}


def test_a_vpc_id_that_a_second_range_passes_on_is_the_vpcs() -> None:
    def planned(kind: str, name: str, properties: Mapping[str, Any], **sources: list[Any]) -> Any:
        found = view(token(kind), merged(good()[token(kind)], properties), name=name)
        return SimpleNamespace(
            resource_type=found.type,
            name=name,
            urn=found.urn,
            props=found.props,
            provider=None,
            property_dependencies=sources,
        )

    vpc = planned("ec2/vpc", "vpc", {})
    pods = planned("ec2/vpcIpv4CidrBlockAssociation", "pods", {"vpcId": "UNKNOWN"}, vpcId=[vpc])
    names = planned("ResolverFirewallRuleGroupAssociation", "names", {"vpcId": "UNKNOWN"}, vpcId=[pods])
    found = stack_findings(ESTATE_RULES, stack_view([vpc, pods, names], estate()))
    assert not {finding.rule.id for finding in found} & {MANAGED, "estate-vpc-has-a-dns-firewall"}
    alone = planned("ec2/vpcIpv4CidrBlockAssociation", "pods", {"vpcId": "UNKNOWN"})
    names = planned("ResolverFirewallRuleGroupAssociation", "names", {"vpcId": "UNKNOWN"}, vpcId=[alone])
    found = stack_findings(ESTATE_RULES, stack_view([vpc, alone, names], estate()))
    assert {MANAGED, "estate-vpc-has-a-dns-firewall"} <= {finding.rule.id for finding in found}


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("com.amazonaws.eu-west-1.sts", "sts.eu-west-1.amazonaws.com"),
        ("com.amazonaws.eu-west-1.ecr.api", "api.ecr.eu-west-1.amazonaws.com"),
        ("com.amazonaws.eu-west-1.eks-auth", "eks-auth.eu-west-1.api.aws"),
        ("com.amazonaws.eusc-de-east-1.sts", "sts.eusc-de-east-1.amazonaws.eu"),
        ("eu.amazonaws.eusc-de-east-1.ecr.dkr", "dkr.ecr.eusc-de-east-1.amazonaws.eu"),
        ("com.amazonaws.eusc-de-east-1.eks-auth", "eks-auth.eusc-de-east-1.api.amazonwebservices.eu"),
    ],
)
def test_a_service_has_the_name_of_its_partition(service: str, name: str) -> None:
    assert name in service_names(service)
