"""`cloister size --stack` of every layer: each prints its own bill, and says what it does not count."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components.catalog.prices import fixed_cost
from components.model.lock import load_lock
from components.settings import load
from components.settings.checks import lock_path
from components.settings.layer import ManagedSettings
from components.settings.load import CONFIG_KEY, stack_file, stack_names
from operations import size
from operations.bill import Assumed
from operations.main import app, main
from operations.size import report_of


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["size", *words], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def in_json(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(*words, "--json"))
    return found


@pytest.mark.parametrize("stack", stack_names())
def test_every_stack_has_a_bill_whose_lines_say_whence_and_when(stack: str) -> None:
    found = in_json("--stack", stack)
    assert found["usd_per_month"] == pytest.approx(sum(cost["usd_per_month"] or 0 for cost in found["costs"]))
    assert found["usd_per_month"] <= found["usd_per_month_high"]
    unpriced = [cost["what"] for cost in found["costs"] if not cost["source"]]
    assert found["unpriced"] == unpriced
    assert all(cost["date"] for cost in found["costs"] if cost["source"])
    assert all(cost["source"] for cost in found["costs"] if cost["usd_per_month"] is not None)


def test_a_serving_stack_costs_what_its_platform_does_and_the_weights() -> None:
    serving, platform = in_json("--stack", "serving-dev"), in_json("--stack", "platform-dev")
    weights = {cost["what"] for cost in serving["costs"]} - {cost["what"] for cost in platform["costs"]}
    assert weights == {"weights in S3"}
    assert platform["models"] == []
    assert platform["idle"] == [], "a platform does not know who uses its GPUs"
    assert platform["transfer"] == serving["transfer"]


def test_logs_metrics_and_the_audit_trail_are_lines_of_the_bill() -> None:
    found = in_json("--stack", "platform-dev")
    assert found["uncounted"] == [
        "logs of control plane, flows and names",
        "audit and access records in S3",
        "names that the firewall judged",
        "images in the registry",
    ]
    assert found["unpriced"] == ["logs kept in CloudWatch", "reads of weights in CloudTrail", "metrics"]
    told = in_json("--stack", "platform-dev", "--usage", "logs=40", "--usage", "metrics=7")
    assert told["usd_per_month"] == pytest.approx(found["usd_per_month"] + 40 * 0.63)
    assert told["unpriced"][-1] == "metrics: 7 metric-month"


def test_hours_a_week_are_said_to_be_kept_by_nothing() -> None:
    found = in_json("--stack", "serving-dev", "--hours-per-week", "gpu=42")
    assert any(cost["what"].endswith("42 of 168 hours a week") for cost in found["costs"])
    assert found["notes"][0].startswith("nothing in the stack ends machines by the clock")
    assert found["usd_per_month"] < in_json("--stack", "serving-dev")["usd_per_month"]


def test_the_text_names_ages_sources_and_what_is_left_out() -> None:
    text = printed("--stack", "platform-dev")
    (header,) = [line for line in text.splitlines() if "per month" in line]
    assert header.split() == ["per", "month", "USD", "at", "most", "as", "of"]
    (keys,) = [line for line in text.splitlines() if "KMS keys" in line]
    assert keys.split() == ["KMS", "keys", "2.00", "2026-01"]
    assert "counted with --usage: logs=N (logs of control plane, flows and names, 0.63 USD a GB);" in text
    assert "no price is known here: logs kept in CloudWatch, reads of weights in CloudTrail, metrics" in text
    assert "0 of 13 verified: public price catalogue at 00148f2af367, Amazon EBS pricing, Amazon EKS pricing," in text
    assert "capacity blocks are not priced" in text


def test_images_cost_what_the_registry_keeps() -> None:
    assert in_json("--stack", "images-dev")["usd_per_month"] == 0
    (cost,) = in_json("--stack", "images-dev", "--usage", "images=30")["costs"]
    assert (cost["what"], cost["usd_per_month"]) == ("images in the registry: 30 GB-month", pytest.approx(3.0))
    text = printed("--stack", "images-dev")
    assert "together" not in text, "a bill of nothing would read as if it were free"
    assert "images=N (images in the registry, 0.1 USD a GB-month)" in text


def test_an_edge_stack_costs_its_weights_and_each_gigabyte_that_leaves() -> None:
    found = in_json("--stack", "edge-rehearsal-vllm")
    (cost,) = found["costs"]
    assert cost["what"] == "weights in S3"
    price = fixed_cost("s3-standard-gb-month", "eu-central-1")
    assert price
    assert cost["usd_per_month"] == pytest.approx(cost["quantity"] * price.usd)
    assert [(flow["name"], flow["usd_per_gb"]) for flow in found["transfer"]] == [
        ("weights to the host", 0.09),
        ("images to the host", 0.09),
    ]
    assert found["notes"][0].startswith("the host is yours")


def test_weights_that_two_models_share_are_kept_once() -> None:
    (both,) = in_json("--stack", "edge-rehearsal")["costs"]
    lock = load_lock(lock_path("smollm2-135m-instruct-gguf", load.ROOT))
    assert both["quantity"] == pytest.approx(lock.weights_bytes / 1e9)


def managed(monkeypatch: pytest.MonkeyPatch, **changes: object) -> size.SizeReport:
    document = yaml.safe_load(stack_file("managed-dev").read_text(encoding="utf-8"))
    settings = ManagedSettings.model_validate(document["config"][CONFIG_KEY] | changes)
    monkeypatch.setattr(size, "load_stack", lambda _: settings)
    return report_of("managed-dev")


def test_a_managed_endpoint_costs_from_its_least_to_its_most_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    made = managed(monkeypatch, instance_size="x4", min_replicas=1, max_replicas=3)
    (cost,) = made.costs
    assert cost.what == "endpoint qwen3-8b: 1 to 3 x nvidia-l4 x4"
    assert made.usd_per_month == pytest.approx(3.8 * 730)
    assert made.usd_per_month_high == pytest.approx(3 * 3.8 * 730)
    assert (cost.date, cost.gpus) == ("2025", 4)
    assert "huggingface/hf-endpoints-documentation" in cost.source


def test_a_managed_machine_that_is_not_listed_has_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    made = managed(monkeypatch, instance_type="nvidia-l4", instance_size="x3")
    assert made.unpriced == ("endpoint qwen3-8b: 0 to 1 x nvidia-l4 x3",)
    assert made.usd_per_month == 0


def test_an_organisation_costs_nothing_and_says_so() -> None:
    assert in_json("--stack", "organisation-dev")["costs"] == []
    assert printed("--stack", "organisation-dev") == "  control policies of AWS Organizations cost nothing\n"


def test_zones_that_lack_a_machine_type_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = yaml.safe_load(stack_file("platform-dev").read_text(encoding="utf-8"))
    document["config"][CONFIG_KEY]["node_pools"]["gpu"]["instance_type"] = "gr6.4xlarge"
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.platform-dev.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    monkeypatch.setattr(size, "load_stack", lambda name: load.load_stack(name, tmp_path))
    (warning,) = report_of("platform-dev").warnings
    assert warning.startswith("node pool gpu: at least 1 of 3 zones cannot have gr6.4xlarge")
    assert f"  warning: {warning}" in printed("--stack", "platform-dev")
    assert report_of("platform-dev", Assumed(hours_per_week={"gpu": 1})).warnings == (warning,)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["serving-dev", "--hours-per-week", "gpuu=3"], "'gpuu' is no node pool of this stack; did you mean gpu?"),
        (["serving-dev", "--hours-per-week", "gpu"], "'gpu'; write it like NAME=N, where N is 1 to 168"),
        (["serving-dev", "--hours-per-week", "gpu=169"], "'gpu=169'; write it like NAME=N, where N is 1 to 168"),
        (["serving-dev", "--hours-per-week", "gpu=0"], "'gpu=0'; write it like NAME=N, where N is 1 to 168"),
        (["serving-dev", "--hours-per-week", "gpu=nan"], "'gpu=nan'; write it like NAME=N"),
        (["serving-dev", "--hours-per-week", "gpu=2", "--hours-per-week", "gpu=3"], "'gpu' stands twice"),
        (["serving-dev", "--usage", "log=3"], "--usage: 'log' is no usage of this stack; did you mean logs?"),
        (["serving-dev", "--usage", "logs=-1"], "'logs=-1'; write it like NAME=N, where N is 0 or more"),
        (["serving-dev", "--usage", "logs=inf"], "'logs=inf'; write it like NAME=N"),
        (["serving-dev", "--usage", "=3"], "'=3'; write it like NAME=N"),
        (["images-dev", "--usage", "logs=3"], "'logs' is no usage of this stack; there are images"),
        (["edge-dev", "--usage", "logs=3"], "'logs' but 'edge-dev' has no usage; leave it out"),
        (["edge-dev", "--hours-per-week", "gpu=3"], "'gpu' but 'edge-dev' has no node pool; leave it out"),
        (["platform-dev", "--tokens-per-second", "3"], "'platform-dev' serves no model with a price; leave it out"),
        (["platform-dev", "--plot", "x.png"], "--plot: 'platform-dev' has no models on GPUs of AWS"),
    ],
)
def test_wrong_input_is_told_its_place_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], problem: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["cloister", "size", "--stack", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert problem in capsys.readouterr().err
