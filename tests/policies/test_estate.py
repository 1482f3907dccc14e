"""Rules over whole stacks: a small good stack, and one spoiled thing at a time."""

from collections.abc import Mapping
from typing import Any

import pytest

from policies.guardrails import POLICIES, stack_findings
from policies.guardrails.findings import Resource

from .support import good, merged, stack, token, view

ESTATE_RULES = POLICIES["estate"][1]
# name -> type, spoil of the type's good twin, property -> names that it comes from.
Sketch = Mapping[str, tuple[str, Mapping[str, Any] | None, Mapping[str, tuple[str, ...]]]]

NETWORK: Sketch = {
    "bpa": ("ec2/vpcBlockPublicAccessOptions", {}, {}),
    "vpc": ("ec2/vpc", {"id": "vpc-1"}, {}),
    "sg": ("ec2/defaultSecurityGroup", {"vpcId": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "acl": ("ec2/defaultNetworkAcl", {"defaultNetworkAclId": "UNKNOWN"}, {"defaultNetworkAclId": ("vpc",)}),
    "subnet": ("ec2/subnet", {"vpcId": "vpc-1", "id": "subnet-1"}, {"vpcId": ("vpc",)}),
    "table": ("ec2/routeTable", {"vpcId": "vpc-1", "id": "rtb-1"}, {"vpcId": ("vpc",)}),
    "joined": (
        "ec2/routeTableAssociation",
        {"subnetId": "subnet-1", "routeTableId": "UNKNOWN"},
        {"subnetId": ("subnet",), "routeTableId": ("table",)},
    ),
    "group": ("aws:ec2/securityGroup:SecurityGroup", {"vpcId": "vpc-1", "id": "sg-1"}, {"vpcId": ("vpc",)}),
    "endpoint": (
        "ec2/vpcEndpoint",
        {"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "securityGroupIds": ["UNKNOWN"], "prefixListId": "pl-1"},
        {"vpcId": ("vpc",), "subnetIds": ("subnet",), "securityGroupIds": ("group",)},
    ),
    "to-s3": (
        "SecurityGroupEgressRule",
        {"cidrIpv4": None, "prefixListId": "pl-1", "securityGroupId": "sg-1"},
        {"prefixListId": ("endpoint",), "securityGroupId": ("group",)},
    ),
    "listed": ("ResolverFirewallDomainList", {"id": "list-1"}, {}),
    "rest": ("ResolverFirewallDomainList", {"domains": ["*"], "id": "list-2"}, {}),
    "chain": ("ResolverFirewallRuleGroup", {"id": "chain-1"}, {}),
    "allow": (
        "ResolverFirewallRule",
        {"firewallDomainListId": "list-1", "firewallRuleGroupId": "chain-1"},
        {"firewallDomainListId": ("listed",), "firewallRuleGroupId": ("chain",)},
    ),
    "block": (
        "ResolverFirewallRule",
        {"firewallDomainListId": "UNKNOWN", "firewallRuleGroupId": "chain-1", "action": "BLOCK", "priority": 200},
        {"firewallDomainListId": ("rest",), "firewallRuleGroupId": ("chain",)},
    ),
    "names": (
        "ResolverFirewallRuleGroupAssociation",
        {"vpcId": "UNKNOWN", "firewallRuleGroupId": "chain-1"},
        {"vpcId": ("vpc",), "firewallRuleGroupId": ("chain",)},
    ),
    "zone": ("route53/zone", {"vpcs": [{"vpcId": "vpc-1"}], "id": "Z1"}, {"vpcs": ("vpc",)}),
}
STORAGE: Sketch = {
    "logs": ("aws:s3/bucket:Bucket", {"id": "logs-111122223333"}, {}),
    "logs-block": ("BucketPublicAccessBlock", {"bucket": "UNKNOWN"}, {"bucket": ("logs",)}),
    "logs-key": ("BucketServerSideEncryptionConfiguration", {"bucket": "logs-111122223333"}, {"bucket": ("logs",)}),
    "key": ("kms/key", {}, {}),
    "trail": (
        "cloudtrail/trail",
        {"s3BucketName": "UNKNOWN", "kmsKeyId": "UNKNOWN"},
        {"s3BucketName": ("logs",), "kmsKeyId": ("key",)},
    ),
}
SERVING: Sketch = {
    "namespace": ("Namespace", {}, {}),
    "deny": ("NetworkPolicy", {"spec": {"podSelector": {"matchLabels": None}, "ingress": None, "egress": None}}, {}),
    "engine": ("Deployment", {}, {}),
    "gateway": ("Service", {}, {}),
}
EDGE: Sketch = {
    "inside": ("docker:index/network:Network", {}, {}),
    "outside": ("docker:index/network:Network", {"name": "cloister-front", "internal": False}, {}),
    "gateway": ("docker:index/container:Container", {}, {}),
    "pull": (
        "docker:index/remoteImage:RemoteImage",
        {"name": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/cloister/envoy@sha256:" + "a91b0c2d" * 8},
        {},
    ),
    "engine": (
        "docker:index/container:Container",
        {"image": "UNKNOWN", "ports": None, "networksAdvanced": [{"name": "cloister-inside"}]},
        {"image": ("pull",)},
    ),
}
WITHOUT = None  # in the place of a spoil: the resource is missing

BAD = [
    pytest.param(rule, sketch, name, spoil, sources, id=f"{rule}-{index}")
    for index, (rule, sketch, name, spoil, sources) in enumerate(
        [
            ("estate-references-are-managed", NETWORK, "subnet", {"vpcId": "UNKNOWN"}, {"vpcId": ()}),
            ("estate-references-are-managed", NETWORK, "joined", {"routeTableId": "rtb-bad"}, {"routeTableId": ()}),
            ("estate-references-are-managed", NETWORK, "joined", {}, {"routeTableId": ()}),
            ("estate-references-are-managed", NETWORK, "endpoint", {"subnetIds": ["subnet-1", "subnet-bad"]}, {}),
            ("estate-references-are-managed", NETWORK, "to-s3", {"prefixListId": "pl-bad"}, {"prefixListId": ()}),
            ("estate-references-are-managed", STORAGE, "trail", {"s3BucketName": "exfil-drop"}, {"s3BucketName": ()}),
            ("estate-unknown-keys-and-roles-are-managed", STORAGE, "trail", {}, {"kmsKeyId": ()}),
            ("estate-zones-serve-known-vpcs", NETWORK, "zone", {"vpcs": [{"vpcId": "vpc-bad"}]}, {}),
            ("estate-public-access-is-blocked", NETWORK, "bpa", WITHOUT, {}),
            ("estate-public-access-is-blocked", NETWORK, "bpa", {"region": "eu-central-1"}, {}),
            ("estate-vpc-defaults-are-adopted", NETWORK, "sg", WITHOUT, {}),
            ("estate-vpc-defaults-are-adopted", NETWORK, "acl", WITHOUT, {}),
            ("estate-subnets-have-a-table", NETWORK, "joined", WITHOUT, {}),
            ("estate-vpc-has-a-dns-firewall", NETWORK, "names", WITHOUT, {}),
            ("estate-dns-firewall-blocks-the-rest", NETWORK, "block", WITHOUT, {}),
            ("estate-dns-firewall-blocks-the-rest", NETWORK, "block", {"action": "ALERT"}, {}),
            ("estate-dns-firewall-blocks-the-rest", NETWORK, "block", {"priority": 50}, {}),
            ("estate-dns-firewall-blocks-the-rest", NETWORK, "allow", {}, {"firewallDomainListId": ("rest",)}),
            ("estate-endpoint-names-resolve-inside", NETWORK, "endpoint", {"privateDnsEnabled": False}, {}),
            ("estate-buckets-block-the-public", STORAGE, "logs-block", WITHOUT, {}),
            ("estate-buckets-are-encrypted", STORAGE, "logs-key", WITHOUT, {}),
            ("estate-namespaces-deny-by-default", SERVING, "deny", WITHOUT, {}),
            ("estate-namespaces-deny-by-default", SERVING, "deny", {"metadata": {"namespace": "other"}}, {}),
            ("estate-namespaces-deny-by-default", SERVING, "deny", {"spec": {"policyTypes": ["Ingress"]}}, {}),
            (
                "estate-engines-are-behind-the-gateway",
                SERVING,
                "gateway",
                {"spec": {"selector": {"app.kubernetes.io/name": "vllm"}}},
                {},
            ),
            (
                "estate-only-the-gateway-leaves-the-host",
                EDGE,
                "engine",
                {"networksAdvanced": [{"name": "cloister-front"}]},
                {},
            ),
            ("estate-container-images-are-proved", EDGE, "engine", {}, {"image": ()}),
            ("estate-container-images-are-proved", EDGE, "pull", {"name": "docker.io/x@sha256:" + "0" * 64}, {}),
        ]
    )
]


def built(sketch: Sketch) -> tuple[Resource, ...]:
    """The resources of a sketch, each with its sources."""

    def one(name: str, sources: Mapping[str, tuple[Resource, ...]]) -> Resource:
        kind, spoil, _ = sketch[name]
        return view(token(kind), merged(good()[token(kind)], spoil), name=name, sources=sources)

    plain = {name: one(name, {}) for name in sketch}
    return tuple(
        one(name, {key: tuple(plain[source] for source in found if source in plain) for key, found in sources.items()})
        for name, (_, _, sources) in sketch.items()
    )


@pytest.mark.parametrize("sketch", [NETWORK, STORAGE, SERVING, EDGE], ids=["network", "storage", "serving", "edge"])
def test_a_good_stack_breaks_no_rule(sketch: Sketch) -> None:
    assert [str(finding) for finding in stack_findings(ESTATE_RULES, stack(*built(sketch)))] == []


@pytest.mark.parametrize(("rule", "sketch", "name", "spoil", "sources"), BAD)
def test_a_spoiled_stack_is_refused_by_its_rule(
    rule: str, sketch: Sketch, name: str, spoil: Mapping[str, Any] | None, sources: Mapping[str, tuple[str, ...]]
) -> None:
    changed = dict(sketch)
    kind, base, known = changed.pop(name)
    if spoil is not WITHOUT:
        changed[name] = (kind, merged(base, spoil), {**known, **sources})
    found = stack_findings(ESTATE_RULES, stack(*built(changed)))
    assert rule in {finding.rule.id for finding in found}
    assert not [str(finding) for finding in found if "the rule itself failed" in finding.text]


def test_a_job_that_ends_may_join_a_network_that_leads_out() -> None:
    loader: Any = ("docker:index/container:Container", {"ports": None, "mustRun": False, "restart": "no"}, {})
    assert stack_findings(ESTATE_RULES, stack(*built({**EDGE, "loader": loader}))) == []
