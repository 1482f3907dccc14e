"""What is read of a plan: the same in a preview, where no id exists, as in an update; and small plans by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from components.network.reachability.analysis import reach
from components.network.reachability.model import Network
from components.network.reachability.places import UnknownPlaceError, place_at, places_of
from components.network.reachability.reader import read_network
from components.network.reachability.references import UNKNOWN, UnreadablePlanError
from tests import plan
from tests.network.reachability_support import STORAGE, everything
from tests.platform_stack import platform

ZONE = "eu-central-1a"


@dataclass(frozen=True)
class Made:
    """A planned resource by hand."""

    type: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return f"urn:{self.type}:{self.name}"


VPC = Made("aws:ec2/vpc:Vpc", "network-vpc", {"cidrBlock": "10.0.0.0/16"})
TABLE = Made("aws:ec2/routeTable:RouteTable", "network-inner-routes")
NODES = Made("aws:ec2/subnet:Subnet", f"network-nodes-{ZONE}", {"cidrBlock": "10.0.0.0/24", "availabilityZone": ZONE})
DOORS = Made(
    "aws:ec2/subnet:Subnet", f"network-endpoints-{ZONE}", {"cidrBlock": "10.0.1.0/26", "availabilityZone": ZONE}
)
BOUND = Made(
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    NODES.name,
    {"subnetId": UNKNOWN, "routeTableId": UNKNOWN},
    {"subnetId": (NODES.urn,), "routeTableId": (TABLE.urn,)},
)
POOL = Made("aws:eks/nodeGroup:NodeGroup", "pool", {"subnetIds": [f"{NODES.name}-id"]})
ENDPOINT = Made(
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "endpoints-kms",
    {
        "vpcEndpointType": "Interface",
        "serviceName": "com.amazonaws.eu-central-1.kms",
        "subnetIds": [UNKNOWN],
        "securityGroupIds": [],
    },
    {"subnetIds": (DOORS.urn,)},
)


def read(*resources: Made) -> Network:
    return read_network([VPC, NODES, DOORS, *resources], storage_cidrs=STORAGE)


def test_a_preview_says_what_an_update_says_and_never_less() -> None:
    now, later = (
        read_network(platform("everything", preview=preview).resources, storage_cidrs=STORAGE)
        for preview in (True, False)
    )
    # Two groups that do not exist yet are named in one input: each could be either, and counts as both.
    assert set(now.groups["nodes-group"].ingress) > set(later.groups["nodes-group"].ingress)
    same = {**now.groups, "nodes-group": later.groups["nodes-group"]}
    assert replace(now, groups=same) == later


def test_a_value_that_does_not_exist_yet_is_written_the_same_in_both_places() -> None:
    assert UNKNOWN == plan.UNKNOWN


def test_subnets_know_what_is_bound_to_them() -> None:
    network = read(TABLE, BOUND)
    assert network.subnets[NODES.name].route_table == TABLE.name
    assert network.subnets[DOORS.name].route_table == network.subnets[DOORS.name].acl == ""


def test_an_id_that_may_mean_several_is_refused() -> None:
    strange = Made(
        BOUND.type, "strange", BOUND.inputs, {**BOUND.property_dependencies, "subnetId": (NODES.urn, DOORS.urn)}
    )
    with pytest.raises(UnreadablePlanError, match="strange: subnetId may be any of"):
        read(TABLE, strange)


def test_what_names_no_group_gets_what_aws_makes() -> None:
    network = read(POOL, ENDPOINT)
    assert network.places[f"node-{ZONE}"].groups == ("eks-cluster-group",)
    assert network.places[f"endpoints-kms-{ZONE}"].groups == ("vpc-default-group",)
    assert reach(network, f"node-{ZONE}", f"endpoints-kms-{ZONE}", 443).by == (
        "group vpc-default-group ingress: no rule for tcp 443 from node-eu-central-1a",
    )


def test_without_a_planned_acl_the_default_one_lets_everything_through() -> None:
    by = reach(read(POOL), f"node-{ZONE}", f"pod-{ZONE}", 22).by
    assert not any("ACL" in step for step in by), "one subnet is never left"
    rule = {"protocol": "-1", "cidrBlocks": ["10.0.0.0/8"]}
    open_group = Made("aws:ec2/securityGroup:SecurityGroup", "open", {"ingress": [rule]})
    inputs = {**ENDPOINT.inputs, "securityGroupIds": ["open-id"]}
    door = Made(ENDPOINT.type, ENDPOINT.name, inputs, ENDPOINT.property_dependencies)
    verdict = reach(read(POOL, open_group, door), f"node-{ZONE}", f"endpoints-kms-{ZONE}", 443)
    assert verdict.allowed
    assert "AWS's default ACL egress lets everything through" in verdict.by


def test_pools_with_different_groups_are_different_machines() -> None:
    group = Made("aws:ec2/securityGroup:SecurityGroup", "own")
    template = Made("aws:ec2/launchTemplate:LaunchTemplate", "template", {"vpcSecurityGroupIds": ["own-id"]})
    other = Made(POOL.type, "gpu", POOL.inputs, {"launchTemplate": (template.urn,)})
    network = read(POOL, group, template, other)
    assert network.places[f"node-{ZONE}"].groups == ("own",)
    assert network.places[f"node-pool-{ZONE}"].groups == ("eks-cluster-group",)


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (Made("aws:ec2/subnet:Subnet", "strange", {}), "strange: what stands in this subnet"),
        (Made("aws:ec2/eip:Eip", "strange"), "strange: the analysis does not know aws:ec2/eip:Eip"),
        (Made(VPC.type, "second", VPC.inputs), "the plan holds 2 VPCs"),
        (Made("aws:lb/loadBalancer:LoadBalancer", "front-balancer"), "1 load balancers, 0 target groups"),
        (
            Made("aws:ec2/route:Route", "list", {"routeTableId": "rtb-1", "destinationPrefixListId": "pl-1"}),
            "list: a route to a prefix list",
        ),
        (
            Made("aws:ec2/securityGroup:SecurityGroup", "odd", {"ingress": [{"protocol": "47"}]}),
            "odd: the analysis does not know protocol '47'",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(resource: Made, words: str) -> None:
    with pytest.raises(UnreadablePlanError, match=words):
        read(resource)


def test_a_prefix_list_is_understood_by_its_published_id() -> None:
    gateway = Made(ENDPOINT.type, "endpoints-s3", {"vpcEndpointType": "Gateway"})
    rule = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListIds": ["pl-6ea54007"]}
    group = Made("aws:ec2/securityGroup:SecurityGroup", "own", {"egress": [rule]})
    resources = [VPC, gateway, group]
    known = read_network(resources, storage_cidrs=STORAGE, storage_prefix_list="pl-6ea54007")
    assert [rule.prefix_list for rule in known.groups["own"].egress] == ["endpoints-s3"]
    foreign = read_network(resources, storage_cidrs=STORAGE)
    assert [rule.prefix_list for rule in foreign.groups["own"].egress] == ["pl-6ea54007"]


def test_a_place_is_found_by_name_address_and_role() -> None:
    network = everything()
    assert place_at(network, f"node-{ZONE}").address in IPv4Network("10.42.0.0/19")
    assert place_at(network, "10.90.255.1").role == "peer-apps"
    assert place_at(network, "10.202.0.9").role == "on-premises-head-office"
    assert place_at(network, "8.8.8.8").role == "internet"
    assert place_at(network, "10.42.0.2").role == "resolver"
    assert [place.zone[-1] for place in places_of(network, "control-plane")] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["nobody", "10.42.0.99", "169.254.1.1", "10.42.0.0/16"])
def test_what_is_not_planned_is_no_place(text: str) -> None:
    with pytest.raises(UnknownPlaceError, match=text):
        place_at(everything(), text)
