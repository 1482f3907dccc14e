"""One thing of a plan is spoiled, and the verdict changes as it must: an analysis that always says no is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from components.network.reachability.analysis import reach
from components.network.reachability.model import Acl, AclEntry, GroupRule, Network, Route, SecurityGroup
from components.network.reachability.reader import read_network
from components.network.reachability.references import UnreadablePlanError
from tests.network.reachability_support import ANYWHERE, STORAGE, A, B, also, everything, sets, spoiled, without
from tests.platform_stack import platform

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]] | None
PEER = "10.90.0.0/16"
TLS = {"protocol": "tcp", "fromPort": 443, "toPort": 443}


def names(cidr: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda entry: entry["cidrBlock"] == cidr


def deny(number: int, cidr: str) -> dict[str, Any]:
    return {**TLS, "ruleNo": number, "action": "deny", "cidrBlock": cidr}


def only(field: str, hit: Callable[[str], bool]) -> Change:
    return lambda inputs: {**inputs, field: [value for value in inputs[field] if hit(value)]}


FROM_PEER = ("peer-apps", f"front-{A}", 443)
TO_STORAGE = (f"node-{A}", "s3", 443)
TO_ENDPOINT = (f"node-{A}", f"endpoints-kms-{B}", 443)
TO_ENGINE = (f"gateway-{A}", f"engine-{B}", 8000)
FROM_CONSUMER = ("private-link", f"front-{A}", 443)
FIRST_RANGE = STORAGE[0]


@dataclass(frozen=True)
class Spoil:
    """One resource spoiled, a question, and what its refusal must say."""

    name: str
    change: Change
    question: tuple[str, str, int]
    reason: str = ""
    kind: str = ""


BREAKS = {
    "an ACL does not let a packet out": Spoil(
        "network-inner-acl", without("egress", names(FIRST_RANGE)), TO_STORAGE, "ACL network-inner-acl egress: no entry"
    ),
    "an ACL does not let the answer in": Spoil(
        "network-inner-acl", without("ingress", names(FIRST_RANGE)), TO_STORAGE, "back ACL network-inner-acl ingress"
    ),
    "an ACL does not let a caller in": Spoil(
        "network-front-acl", without("ingress", names(PEER)), FROM_PEER, "ACL network-front-acl ingress: no entry"
    ),
    "an ACL does not let the answer to a caller out": Spoil(
        "network-front-acl", without("egress", names(PEER)), FROM_PEER, "back ACL network-front-acl egress: no entry"
    ),
    "an ACL denies before it allows": Spoil(
        "network-front-acl", also("ingress", deny(50, PEER)), FROM_PEER, "ACL network-front-acl ingress 50: deny"
    ),
    "a subnet falls back to the emptied default ACL": Spoil(
        "network-inner-acl",
        only("subnetIds", lambda value: value != f"network-nodes-{A}-id"),
        TO_ENDPOINT,
        "ACL network-default-acl egress",
    ),
    "a group loses the prefix list": Spoil(
        "nodes-group",
        without("egress", lambda rule: bool(rule.get("prefixListIds"))),
        TO_STORAGE,
        "group nodes-group egress: no rule",
    ),
    "a group loses its members": Spoil(
        "nodes-group",
        without("ingress", lambda rule: bool(rule.get("self"))),
        TO_ENGINE,
        "group nodes-group ingress: no rule",
    ),
    "endpoints lose their clients": Spoil(
        "endpoints-group", sets(ingress=[]), TO_ENDPOINT, "group endpoints-group ingress: no rule"
    ),
    "the balancer may not call pods": Spoil(
        "front-group", sets(egress=[]), FROM_PEER, "group front-group egress: no rule for tcp 8443"
    ),
    "a route to a peer is missing": Spoil(
        f"peering-apps-route-{A}", None, FROM_PEER, f"back no route to 10.90.0.10 in network-front-routes-{A}"
    ),
    "a route to S3 is missing": Spoil(
        "endpoints-s3",
        only("routeTableIds", lambda value: value != f"network-inner-routes-{A}-id"),
        TO_STORAGE,
        f"in network-inner-routes-{A}",
    ),
    "a longer prefix leads elsewhere": Spoil(
        f"network-front-routes-{A}",
        also("routes", {"cidrBlock": "10.90.0.0/24", "gatewayId": "vgw-1"}),
        FROM_PEER,
        "does not lead to peer-apps",
    ),
    "a subnet has the main route table": Spoil(
        f"network-endpoints-{A}", None, FROM_PEER, "in network-default-routes", "RouteTableAssociation"
    ),
    "there is no listener": Spoil("front-listener", None, FROM_PEER, "front-balancer has no listener for tcp 443"),
    "the balancer has no group": Spoil(
        "front-balancer", sets(securityGroups=[]), FROM_PEER, "group nodes-group ingress: no rule"
    ),
    "targets listen elsewhere": Spoil(
        "front-targets", sets(port=9443), FROM_PEER, "group front-group egress: no rule for tcp 9443"
    ),
    "pods see the client's address": Spoil(
        "front-targets",
        sets(preserveClientIp="true"),
        FROM_PEER,
        f"back no route to 10.90.0.10 in network-inner-routes-{A}",
    ),
    "the balancer filters consumers": Spoil(
        "front-balancer",
        sets(enforceSecurityGroupInboundRulesOnPrivateLinkTraffic="on"),
        FROM_CONSUMER,
        "group front-group ingress: no rule",
    ),
}
OPENS = {
    "the API is open to one more peer": Spoil(
        "control-plane-group",
        also("ingress", {**TLS, "cidrBlocks": [PEER]}),
        ("peer-apps", f"control-plane-{A}", 443),
    ),
    "endpoints are open to a caller": Spoil(
        "endpoints-group",
        also("ingress", {**TLS, "cidrBlocks": ["10.91.0.0/16"]}),
        ("peer-tools", f"endpoints-kms-{A}", 443),
    ),
    "pods get the metadata's token": Spoil(
        "pool-gpu-template",
        sets(metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 2}),
        (f"pod-{A}", "instance-metadata", 80),
    ),
}


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS)
def test_a_way_is_shut_by_one_change(spoil: Spoil) -> None:
    assert reach(everything(), *spoil.question).allowed
    verdict = reach(spoiled(spoil.name, spoil.change, kind=spoil.kind), *spoil.question)
    assert not verdict.allowed
    assert any(spoil.reason in step for step in verdict.by), verdict.by


@pytest.mark.parametrize("spoil", OPENS.values(), ids=OPENS)
def test_a_way_is_opened_by_one_change(spoil: Spoil) -> None:
    assert not reach(everything(), *spoil.question).allowed
    assert reach(spoiled(spoil.name, spoil.change), *spoil.question).allowed


def test_a_missing_route_of_one_zone_leaves_the_others_open() -> None:
    network = spoiled(f"peering-apps-route-{A}", None)
    assert not reach(network, "peer-apps", f"front-{A}", 443).allowed
    assert reach(network, "peer-apps", f"front-{B}", 443).allowed


def test_a_wider_group_alone_lets_no_peer_through_to_nodes() -> None:
    rule = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
    verdict = reach(spoiled("nodes-group", also("ingress", rule)), "peer-apps", f"node-{A}", 22)
    before = reach(everything(), "peer-apps", f"node-{A}", 22)
    assert not verdict.allowed
    assert set(before.by) - set(verdict.by) == {"group nodes-group ingress: no rule for tcp 22 from peer-apps"}


def opened(network: Network) -> dict[str, Network]:
    """The same network with each lock between nodes and the internet opened, by what opens it."""
    table, acl, group = (
        network.route_tables[f"network-inner-routes-{A}"],
        network.acls["network-inner-acl"],
        "nodes-group",
    )
    route = Route(destination=ANYWHERE, kind="other", target="igw-1", name=table.name)
    entry = AclEntry(number=1, action="allow", protocol="all", ports=(0, 65535), cidr=ANYWHERE)
    rule = GroupRule(protocol="all", ports=(0, 65535), cidr=ANYWHERE)
    old = network.groups[group]
    wide_acl = Acl(name=acl.name, ingress=(entry, *acl.ingress), egress=(entry, *acl.egress))
    wide_group = SecurityGroup(name=group, ingress=old.ingress, egress=(rule, *old.egress))
    routed = replace(table, routes=(*table.routes, route))
    return {
        "no route": replace(network, route_tables={**network.route_tables, table.name: routed}),
        "ACL": replace(network, acls={**network.acls, acl.name: wide_acl}),
        "group": replace(network, groups={**network.groups, group: wide_group}),
        "block": replace(network, public_access_blocked=False),
    }


def test_an_internet_route_alone_opens_nothing_and_all_locks_together_do() -> None:
    start = everything()
    for lock, network in opened(start).items():
        assert not reach(network, f"node-{A}", "1.1.1.1", 443).allowed, lock
    together = start
    for step in range(4):
        assert not reach(together, f"node-{A}", "1.1.1.1", 443).allowed, step
        together = list(opened(together).values())[step]
    assert reach(together, f"node-{A}", "1.1.1.1", 443).allowed


def test_a_route_to_an_internet_gateway_is_named_as_what_it_is() -> None:
    route = {"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-0a"}
    network = spoiled(f"network-inner-routes-{A}", also("routes", route))
    assert f"route 0.0.0.0/0 to igw-0a in network-inner-routes-{A}, but the account's public access block stops it" in (
        reach(network, f"node-{A}", "1.1.1.1", 443).by
    )


@pytest.mark.parametrize(
    "token", ["aws:ec2/natGateway:NatGateway", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"]
)
def test_what_is_not_understood_is_not_judged(token: str) -> None:
    planned = platform("everything").resources
    strange = replace(planned[-1], type=token, name="strange")
    with pytest.raises(UnreadablePlanError, match=f"strange: the analysis does not know {token}"):
        read_network([*planned, strange], storage_cidrs=STORAGE)
