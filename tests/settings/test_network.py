"""The section `network:` refuses what cannot be routed, joined, reached or owned, and says who collides with whom."""

import copy
import json
from typing import Any

import pytest

from components.settings.errors import SettingsError
from components.settings.load import load_settings, load_stack
from tests.platform_stack import FRONT, NETWORKS, PEER
from tests.settings.test_load import mapping_of

AUTHORITY = "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/0c1015e7"


def found(network: dict[str, Any], **changes: Any) -> tuple[str, ...]:
    """The problems of a platform with this network; none when it is accepted."""
    mapping = {**copy.deepcopy(mapping_of("platform-rehearsal")), **changes}
    mapping["network"] = {"cidr": "10.42.0.0/16", **json.loads(json.dumps(network))}
    try:
        load_settings(mapping, "stacks/Pulumi.test.yaml")
    except SettingsError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_of_the_other_tests_is_accepted(name: str) -> None:
    assert found(NETWORKS[name]) == ()


@pytest.mark.parametrize("stack", ["platform-dev", "platform-rehearsal"])
def test_the_networks_of_the_stacks_are_accepted(stack: str) -> None:
    assert load_stack(stack).layer == "platform"


def test_a_range_that_overlaps_a_peer_is_refused_and_both_are_named() -> None:
    assert found({"front": FRONT, "peerings": {"apps": {**PEER, "cidr": "10.42.8.0/24"}}}) == (
        "settings.network.peerings.apps.cidr: '10.42.8.0/24' overlaps '10.42.0.0/16' of settings.network.cidr; "
        "routed networks need ranges of their own",
    )


def test_ranges_of_pods_peers_and_places_on_premises_are_compared_with_each_other() -> None:
    network = {
        "front": FRONT,
        "pod_cidr": "10.90.0.0/17",
        "peerings": {"apps": PEER},
        "vpns": {"head-office": {"device_address": "198.51.100.7", "cidrs": ["10.200.0.0/16", "10.90.128.0/20"]}},
    }
    lines = found(network)
    assert len(lines) == 2
    assert lines[0].startswith(
        "settings.network.peerings.apps.cidr: '10.90.0.0/16' overlaps '10.90.0.0/17' of settings"
    )
    assert lines[1].startswith("settings.network.vpns.head-office.cidrs[1]: '10.90.128.0/20' overlaps '10.90.0.0/16'")


@pytest.mark.parametrize("pod_cidr", ["100.64.0.0/16", "10.43.0.0/16"])
def test_a_second_range_that_aws_can_join_is_accepted(pod_cidr: str) -> None:
    assert found({"pod_cidr": pod_cidr}) == ()


def test_a_second_range_that_aws_cannot_join_is_refused() -> None:
    (line,) = found({"pod_cidr": "172.16.0.0/16"})
    assert line == (
        "settings.network.pod_cidr: '172.16.0.0/16' cannot be joined to a VPC of 10.42.0.0/16; "
        "AWS accepts one inside 100.64.0.0/10 or of the same private block"
    )


@pytest.mark.parametrize("pod_cidr", ["8.8.0.0/16", "10.42.0.1/16", "pods"])
def test_a_second_range_that_is_no_range_for_pods_is_refused(pod_cidr: str) -> None:
    (line,) = found({"pod_cidr": pod_cidr})
    assert line.startswith(f"settings.network.pod_cidr: {pod_cidr!r}")


def test_nodes_that_would_run_out_of_addresses_are_told_how_to_get_more() -> None:
    pools = {
        "system": {"instance_type": "m7i.large", "min_nodes": 2, "max_nodes": 3},
        "gpu": {"instance_type": "g6.xlarge", "min_nodes": 1, "max_nodes": 6},
    }
    small = {"cidr": "10.42.0.0/20"}
    assert found(small, node_pools=pools) == ()
    pools["gpu"]["max_nodes"] = 7
    (line,) = found(small, node_pools=pools)
    assert line == (
        "settings.node_pools: '10' nodes need up to 1110 addresses with their pods, 2 zones of 10.42.0.0/20 have 1014; "
        "give network.pod_cidr, such as 100.64.0.0/16, or fewer nodes"
    )
    assert found({**small, "pod_cidr": "100.64.0.0/16"}, node_pools=pools) == ()


def test_a_way_to_the_gateway_needs_a_front() -> None:
    lines = found({"peerings": {"apps": PEER}, "private_link": NETWORKS["everything"]["private_link"]})
    assert lines == ("settings.network.front: missing; peerings.apps, private_link reach the gateway through it",)
    assert found({"peerings": {"apps": {**PEER, "reaches": ["kubernetes"]}}}) == ()


@pytest.mark.parametrize(
    "certificates", [{}, {"certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/1"}]
)
def test_a_front_has_exactly_one_certificate(certificates: dict[str, str]) -> None:
    front = {"host_name": "inference.example.internal", **certificates}
    if certificates:
        assert found({"front": front}) == ()
        front["certificate_authority_arn"] = AUTHORITY
    (line,) = found({"front": front})
    assert line.startswith("settings.network.front: give either certificate_arn")


@pytest.mark.parametrize(
    "part", [("eu-central-1", "eu-west-1"), ("111122223333", "444455556666"), ("arn:aws:", "arn:aws-eusc:")]
)
def test_a_certificate_of_another_region_account_or_partition_is_refused(part: tuple[str, str]) -> None:
    arn = AUTHORITY.replace(*part)
    (line,) = found({"front": {**FRONT, "certificate_authority_arn": arn}})
    assert line == (
        f"settings.network.front.certificate_authority_arn: {arn!r} is not of partition aws, region eu-central-1 and "
        "account 111122223333"
    )


def test_two_peerings_with_one_vpc_are_refused() -> None:
    (line,) = found({"front": FRONT, "peerings": {"apps": PEER, "more": {**PEER, "cidr": "10.91.0.0/16"}}})
    assert line.startswith("settings.network.peerings.more.vpc_id: 'vpc-0a90a90a90a90a90a' is apps's too")


def test_a_service_that_cannot_be_shared_is_answered_with_those_that_can() -> None:
    (line,) = found({"front": FRONT, "peerings": {"apps": {**PEER, "services": ["s3"]}}})
    assert line.startswith("settings.network.peerings.apps.services: 's3' is no service that can be shared")
    assert "sts" in line
    assert "ecr.dkr" not in line, "it has several names"


def test_a_state_bucket_without_a_runner_is_refused() -> None:
    bucket = "cloister-state-111122223333-eu-central-1"
    assert found({"uses": ["runner"], "state_bucket": bucket}) == ()
    (line,) = found({"state_bucket": bucket})
    assert line.startswith(f"settings.network.state_bucket: {bucket!r} is written by a runner only")


def test_a_use_that_is_named_twice_or_unknown_is_refused() -> None:
    assert found({"uses": ["runner", "runner"]}) == (
        "settings.network.uses: one is named twice in 'runner, runner'; name each once",
    )
    (line,) = found({"uses": ["bastion"]})
    assert line.startswith("settings.network.uses.0: 'bastion' is not accepted; use 'runner'")


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "300.1.1.1", "device.example.com"])
def test_a_vpn_device_that_aws_cannot_reach_is_refused(address: str) -> None:
    (line,) = found({"front": FRONT, "vpns": {"head-office": {"device_address": address, "cidrs": ["10.200.0.0/16"]}}})
    assert line.startswith(f"settings.network.vpns.head-office.device_address: {address!r}")


def test_a_vpn_whose_ranges_have_no_private_block_in_common_is_refused() -> None:
    vpn = {"device_address": "198.51.100.7", "cidrs": ["10.200.0.0/16", "192.168.7.0/24"]}
    (line,) = found({"front": FRONT, "vpns": {"head-office": vpn}})
    assert "lie in different private blocks; declare a VPN for each block" in line


def test_ranges_of_storage_are_public_and_narrow() -> None:
    assert found({"storage_cidrs": ["3.5.134.0/23"]}) == ()
    for cidr in ("0.0.0.0/0", "10.0.0.0/16", "3.0.0.0/8"):
        (line,) = found({"storage_cidrs": [cidr]})
        assert line.startswith(f"settings.network.storage_cidrs.0: {cidr!r} is no range of S3")


def test_more_callers_than_a_filter_can_name_are_refused() -> None:
    peerings = {
        f"team-{number}": {"account_id": "444455556666", "vpc_id": f"vpc-{number:08x}", "cidr": f"10.{number}.0.0/16"}
        for number in range(100, 140)
    }
    (line,) = found({"front": FRONT, "peerings": peerings})
    assert line == (
        "settings.network: '41' ranges of the VPC and its callers; a network ACL has 40 rules at most, so join ranges "
        "or let some callers come by PrivateLink"
    )
