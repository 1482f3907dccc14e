import json
import re

from tests.platform_stack import platform


def test_every_add_on_has_an_exact_version() -> None:
    add_ons = {
        found.inputs["addonName"]: found.inputs["addonVersion"] for found in platform().of("aws:eks/addon:Addon")
    }
    assert set(add_ons) == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns"}
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", version) for version in add_ons.values())


def test_network_policies_are_enforced_and_let_cluster_dns_start() -> None:
    cni = platform().one("aws:eks/addon:Addon", "add-ons-before-nodes-vpc-cni").inputs
    values = json.loads(cni["configurationValues"])
    assert values == {"enableNetworkPolicy": "true", "env": {"NETWORK_POLICY_ENFORCING_MODE": "standard"}}


def test_the_network_add_on_has_a_role_of_its_own() -> None:
    cni = platform().one("aws:eks/addon:Addon", "add-ons-before-nodes-vpc-cni")
    [identity] = cni.inputs["podIdentityAssociations"]
    assert identity["serviceAccount"] == "aws-node"


def test_cluster_dns_waits_for_nodes() -> None:
    planned = platform()
    groups = {group.urn for group in planned.of("aws:eks/nodeGroup:NodeGroup")}
    assert groups <= set(planned.one("aws:eks/addon:Addon", "add-ons-on-nodes-coredns").dependencies)
