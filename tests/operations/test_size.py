import json
from dataclasses import asdict
from pathlib import Path

import pytest

from components.model.lock import load_lock
from components.settings.cluster import NodePool
from components.settings.model_service import ModelService
from operations.size import SizeReport, size_report

MODELS = Path(__file__).parents[2] / "models"


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
    return size_report("eu-central-1", models, locks, pools, zones=3, interface_endpoints=12, kms_keys=3)


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
    made = size_report("eu-central-1", {}, {}, pools, zones=2, interface_endpoints=1, kms_keys=1)
    assert made.unpriced == ("node pool gpu: 1 x g7e.2xlarge",)


def test_the_report_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(asdict(report())))["models"][0]["memory"]["verdict"] in ("fits", "tight")
