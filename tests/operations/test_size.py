import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from components.catalog.prices import spot
from components.catalog.vpc_endpoints import endpoint_services
from components.model.lock import load_lock
from components.settings.cluster import NodePool
from components.settings.model_service import ModelService
from operations.bill import Assumed
from operations.commands.size_tables import show_report
from operations.platform_parts import PlatformParts, parts_of
from operations.size import SizeReport, size_report
from tests.platform_stack import settings

PARTS = PlatformParts(zones=3, interface_endpoints=12, kms_keys=3)
FRONT = {
    "host_name": "inference.example.internal",
    "certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b2c3d",
}
MODELS = Path(__file__).parents[2] / "models"


def network(**sections: object) -> PlatformParts:
    """The parts of the rehearsal's platform with this network."""
    return parts_of(settings(network={"cidr": "10.42.0.0/16", **sections}))


def report(**changes: object) -> SizeReport:
    service = {
        "lock": "qwen3-8b",
        "engine": "vllm",
        "node_pool": "gpu",
        "max_model_len": 8192,
        "max_num_seqs": 64,
        "replicas": 3,
    }
    models = {"chat": ModelService.model_validate(service | changes)}
    pools = {
        "system": NodePool(instance_type="m7i.large", min_nodes=2, max_nodes=3),
        "gpu": NodePool(instance_type="g6.12xlarge", min_nodes=0, max_nodes=4),
    }
    locks = {"qwen3-8b": load_lock(MODELS / "qwen3-8b.lock.yaml")}
    return size_report("eu-central-1", models, locks, pools, PARTS)


def test_replicas_share_machines_by_whole_gpus() -> None:
    assert [row.nodes for row in report(replicas=3, gpus=1).models] == [1]
    assert [row.nodes for row in report(replicas=3, gpus=2).models] == [2]


def test_the_bill_is_the_sum_of_its_lines() -> None:
    made = report()
    assert made.usd_per_month == pytest.approx(sum(cost.usd_per_month or 0 for cost in made.costs))
    lines = {cost.what: cost.usd_per_month for cost in made.costs}
    assert lines["node pool system: 2 x m7i.large"] == pytest.approx(2 * 0.12075 * 730)
    assert lines["EKS control plane"] == pytest.approx(73.0)
    assert lines["interface endpoints"] == pytest.approx(0.012 * 36 * 730)


def test_a_model_that_does_not_fit_makes_the_report_a_refusal() -> None:
    assert not report().refused
    made = report(max_model_len=40961)
    assert made.refused
    assert "above the 40960 positions" in made.models[0].problem
    assert report(gpus=8).refused
    assert report(node_pool="absent").refused


def test_what_has_no_price_is_named_instead_of_being_free() -> None:
    pools = {"gpu": NodePool(instance_type="g7e.2xlarge", min_nodes=1, max_nodes=1)}
    made = size_report("eu-central-1", {}, {}, pools, PARTS)
    assert made.unpriced[0] == "node pool gpu: 1 x g7e.2xlarge"


def test_the_report_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(asdict(report())))["models"][0]["memory"]["verdict"] in ("ok", "warn")


def test_a_platform_without_a_front_has_the_endpoints_of_cluster_and_weights_only() -> None:
    parts = network()
    assert parts.interface_endpoints == len(endpoint_services(())) - 1, "S3's gateway endpoint costs nothing"
    assert (parts.load_balancers, parts.vpn_connections, parts.private_zones) == (0, 0, 0)
    assert not [flow for flow in parts.transfer if flow.name.startswith("answers")]


def test_what_is_enabled_is_counted() -> None:
    bare = network()
    parts = network(uses=["metrics", "elastic-pool"], front=FRONT)
    assert parts.interface_endpoints == bare.interface_endpoints + 5  # aps, monitoring, sqs, ssm, load balancing
    assert (parts.load_balancers, parts.private_zones) == (1, 1)
    assert [flow for flow in parts.transfer if flow.name == "answers to clients in the VPC, same zone"]


def test_a_line_of_the_bill_stands_for_every_part_and_for_none_that_is_absent() -> None:
    pools = {"system": NodePool(instance_type="m7i.large", min_nodes=2, max_nodes=3)}
    parts = PlatformParts(
        zones=3, interface_endpoints=1, kms_keys=1, load_balancers=1, vpn_connections=2, private_zones=3, alarms=4
    )
    lines = {cost.what: cost.usd_per_month for cost in size_report("eu-central-1", {}, {}, pools, parts).costs}
    assert lines["network load balancer"] == pytest.approx(0.027 * 730)
    assert lines["VPN connections"] == pytest.approx(2 * 0.05 * 730)
    assert lines["private hosted zones"] == pytest.approx(1.5)
    assert lines["alarms"] == pytest.approx(0.4)
    absent = {cost.what for cost in size_report("eu-central-1", {}, {}, pools, PARTS).costs}
    assert not absent & {"network load balancer", "VPN connections", "private hosted zones", "alarms"}


def test_the_summary_says_what_a_gigabyte_costs() -> None:
    console = Console(record=True, width=200, file=io.StringIO())
    pools = {"system": NodePool(instance_type="m7i.large", min_nodes=2, max_nodes=3)}
    show_report(console, size_report("eu-central-1", {}, {}, pools, network(front=FRONT)))
    printed = console.export_text()
    assert "USD per GB" in printed
    [weights] = [line for line in printed.splitlines() if "weights to engines" in line]
    assert "0.0000" in weights
    [other] = [line for line in printed.splitlines() if "answers to clients in the VPC, other zone" in line]
    assert "0.0260" in other


@pytest.mark.parametrize(("capacity", "told"), [("on-demand", False), ("spot", True)])
def test_what_a_range_of_spot_prices_means_is_said_where_there_is_one(capacity: str, told: bool) -> None:
    pool = {"instance_type": "g6.xlarge", "min_nodes": 1, "max_nodes": 1, "capacity": capacity}
    made = size_report("eu-central-1", {}, {}, {"gpu": NodePool.model_validate(pool)}, PARTS)
    assert any(note.startswith("spot: from the cheapest zone's price") for note in made.notes) is told
    assert "capacity blocks are not priced: there is no table of their prices here" in made.notes


def test_a_token_costs_its_share_of_the_dearest_price_of_the_machine() -> None:
    service = {"lock": "qwen3-8b", "engine": "vllm", "node_pool": "gpu", "max_model_len": 8192, "max_num_seqs": 64}
    pool = {"instance_type": "g6.12xlarge", "min_nodes": 1, "max_nodes": 1, "capacity": "spot"}
    found = spot("g6.12xlarge", "eu-central-1")
    assert found
    made = size_report(
        "eu-central-1",
        {"chat": ModelService.model_validate(service)},
        {"qwen3-8b": load_lock(MODELS / "qwen3-8b.lock.yaml")},
        {"gpu": NodePool.model_validate(pool)},
        PARTS,
        Assumed(tokens_per_second=900),
    )
    assert made.models[0].usd_per_million_tokens == pytest.approx(found[1].usd / 4 / (900 * 3600) * 1e6)
