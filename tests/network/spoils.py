"""What is spoiled, one lock at a time, and what must follow from it."""

from typing import Final

from tests.network.spoiled_plans import (
    ACL,
    FIREWALL_RULE,
    GROUP,
    POLICY,
    PUBLIC_BLOCK,
    ROUTE,
    Spoil,
    also,
    changed,
    entry,
    internet_route,
    only,
    tcp,
    together,
    without,
)

PEER: Final = "10.90.0.0/16"
EPHEMERAL: Final = (1024, 65535)
ANYWHERE: Final = "0.0.0.0/0"
ZONE: Final = "eu-central-1a"
# Each of these is one lock of the way from a node to the internet and back.
INTERNET_LOCKS: Final = {
    "the public access block": without(PUBLIC_BLOCK, "network-public-access-block"),
    "the route table": internet_route(f"network-inner-routes-{ZONE}"),
    "the nodes' security group": changed(GROUP, "nodes-group", egress=also(tcp(443, cidrBlocks=[ANYWHERE]))),
    "the network ACL outwards": changed(ACL, "network-inner-acl", egress=also(entry(900, ANYWHERE, (443, 443)))),
    "the network ACL inwards": changed(ACL, "network-inner-acl", ingress=also(entry(900, ANYWHERE, EPHEMERAL))),
}

SPOILS: Final = (
    Spoil(
        name="the inner ACL lets no answer of S3 in",
        change=changed(ACL, "network-inner-acl", ingress=only(lambda rule: rule["ruleNo"] < 200)),
        lost=("* -> s3 443",),
    ),
    Spoil(
        name="the front ACL denies a peer before it allows it",
        change=changed(ACL, "network-front-acl", ingress=also(entry(50, PEER, (0, 65535), "deny"))),
        lost=("peer-apps -> front 443", "peer-apps -> endpoints-sts 443"),
    ),
    Spoil(
        name="the front ACL lets answers to a peer go to high ports only",
        change=changed(
            ACL,
            "network-front-acl",
            egress=lambda rules: [{**rule, "fromPort": 61000} if rule["cidrBlock"] == PEER else rule for rule in rules],
        ),
    ),
    Spoil(
        name="the endpoint subnets fall back to the VPC's default ACL",
        change=without(ACL, "network-front-acl"),
        lost=(
            "* -> endpoints-* 443",
            "* -> front 443",
            "* -> control-plane 443",
            "control-plane -> * *",
            "front -> * 8443",
        ),
    ),
    Spoil(
        name="the endpoints' group is open to a peer",
        change=changed(GROUP, "endpoints-group", ingress=also(tcp(443, cidrBlocks=[PEER]))),
        gained=("peer-apps -> endpoints-ecr-api 443",),
    ),
    Spoil(
        name="the nodes' group does not name S3's prefix list",
        change=changed(GROUP, "nodes-group", egress=only(lambda rule: not rule.get("prefixListIds"))),
        lost=("node -> s3 443", "engine -> s3 443", "pod -> s3 443", "dns -> s3 443"),
    ),
    Spoil(
        name="the nodes' group admits the load balancer no more",
        change=changed(
            GROUP, "nodes-group", ingress=only(lambda rule: rule.get("securityGroups") != ["front-group-id"])
        ),
        lost=("* -> front 443", "front -> * 8443"),
    ),
    Spoil(
        name="the load balancer's group may not call gateways",
        change=changed(GROUP, "front-group", egress=only(lambda rule: False)),
        lost=("* -> front 443", "front -> * 8443"),
    ),
    Spoil(
        name="a peer's route is missing in one zone",
        change=without(ROUTE, f"peering-apps-route-{ZONE}"),
        lost=("peer-apps -> front 443", "peer-apps -> endpoints-sts 443"),
    ),
    Spoil(
        name="every lock between a node and the internet is open",
        change=together(*INTERNET_LOCKS.values()),
        gained=("node -> internet 443", "pod -> internet 443", "dns -> internet 443"),
    ),
    Spoil(
        name="engines are open to the whole cluster",
        change=changed(POLICY, "workload-traffic-smollm2", spec=lambda spec: {**spec, "ingress": [{}]}),
        gained=("* -> engine *",),
    ),
    Spoil(
        name="unknown pods beside the engines are not isolated",
        change=together(
            without(POLICY, "isolation-default-deny"),
            without(POLICY, "isolation-name-resolution"),
        ),
        gained=("* -> stray *", "stray -> * *"),
    ),
    Spoil(
        name="the name firewall blocks nothing",
        change=without(FIREWALL_RULE, "name-firewall-block-rest"),
        names=True,
    ),
)
