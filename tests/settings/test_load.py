"""Settings refuse what cannot work, name the place and the way out, and report every problem at once."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.errors import SettingsError
from components.settings.layer import PlatformSettings, ServingSettings
from components.settings.load import CONFIG_KEY, ROOT, load_settings, load_stack

STACKS = sorted(path.name.split(".")[1] for path in (ROOT / "stacks").glob("Pulumi.*.yaml"))


def mapping_of(stack: str) -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    mapping: dict[str, Any] = document["config"][CONFIG_KEY]
    return mapping


def problems(mapping: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(mapping, "stacks/Pulumi.test.yaml")
    return caught.value.problems


def spoiled(stack: str, path: str, value: Any) -> tuple[str, ...]:
    mapping = copy.deepcopy(mapping_of(stack))
    *parents, last = path.split(".")
    place: Any = mapping
    for step in parents:
        place = place[step]
    place[last] = value
    return problems(mapping)


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_file_loads(stack: str) -> None:
    assert load_stack(stack).layer == stack.split("-")[0]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-2", "eu-central-2", "eu-isoe-west-1"])
def test_a_region_outside_the_eu_is_refused_with_the_regions_inside(region: str) -> None:
    assert (
        f"settings.region: {region!r} is outside the EU; use one of eu-central-1, eu-north-1, eu-south-1, eu-south-2, "
        "eu-west-1, eu-west-3, eusc-de-east-1"
    ) in spoiled("platform-rehearsal", "region", region)


def test_an_unknown_key_is_answered_with_the_nearest_known_one() -> None:
    found = spoiled("platform-rehearsal", "node_pools.gpu.max_node", 3)
    assert found == ("settings.node_pools.gpu.max_node: unknown key; did you mean max_nodes?",)


def test_all_problems_are_told_at_once() -> None:
    mapping = mapping_of("platform-rehearsal")
    mapping["region"] = "us-east-1"
    mapping["network"]["cidr"] = "8.8.0.0/16"
    del mapping["cluster"]["kubernetes_version"]
    found = problems(mapping)
    assert len(found) == 3
    assert any("settings.network.cidr: '8.8.0.0/16' is not a private range" in line for line in found)
    assert "settings.cluster.kubernetes_version: missing; it is required" in found


def test_the_message_counts_the_problems_and_names_the_file() -> None:
    mapping = mapping_of("platform-rehearsal") | {"region": "us-east-1", "unknown": 1}
    with pytest.raises(SettingsError, match=r"^stacks/Pulumi\.test\.yaml: 2 problems\n  settings\."):
        load_settings(mapping, "stacks/Pulumi.test.yaml")


def test_a_number_is_never_read_from_text() -> None:
    (problem,) = spoiled("platform-rehearsal", "node_pools.gpu.max_nodes", "3")
    assert problem.startswith("settings.node_pools.gpu.max_nodes: '3'")


def test_an_unknown_layer_is_refused_with_the_known_ones() -> None:
    assert problems({"layer": "platfrom"}) == (
        "settings.layer: 'platfrom'; use one of platform, images, serving, edge, managed, organisation",
    )


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_settings_that_are_no_mapping_are_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="is not a mapping"):
        load_settings(value, "stacks/Pulumi.test.yaml")


def test_a_zone_of_another_region_is_refused() -> None:
    found = spoiled("platform-rehearsal", "zones", ["eu-central-1a", "eu-west-1a"])
    assert found == ("settings.zones: 'eu-west-1a' is not a zone of eu-central-1; write it like eu-central-1a",)


def test_a_machine_type_that_the_region_lacks_is_refused() -> None:
    (problem,) = spoiled("platform-rehearsal", "node_pools.gpu.instance_type", "p5.48xlarge")
    assert "'p5.48xlarge' is not offered in eu-central-1" in problem


def test_a_machine_type_that_does_not_exist_is_refused() -> None:
    (problem,) = spoiled("platform-rehearsal", "node_pools.gpu.instance_type", "g6.xlrage")
    assert problem.startswith("settings.node_pools.gpu.instance_type:")
    assert "g6.xlarge" in problem


def test_a_pool_that_does_not_exist_is_refused_with_the_nearest() -> None:
    (problem,) = spoiled("serving-rehearsal", "models.smollm2.node_pool", "gpus")
    assert problem == "settings.models.smollm2.node_pool: 'gpus' is no node pool of this stack; did you mean gpu?"


def test_more_gpus_than_the_machine_has_are_refused() -> None:
    (problem,) = spoiled("serving-rehearsal", "models.smollm2.gpus", 4)
    assert problem.startswith("settings.models.smollm2.gpus: '4' but g6.xlarge of pool 'gpu' has 1;")


def test_a_context_that_the_gpu_cannot_hold_is_refused_before_anything_is_built() -> None:
    (problem,) = spoiled("serving-dev", "models.assistant.max_model_len", 100_000_000)
    assert problem.startswith("settings.models.assistant.gpus:")


def test_a_lock_file_that_does_not_exist_is_refused() -> None:
    (problem,) = spoiled("serving-rehearsal", "models.smollm2.lock", "smollm2-135m-instrukt")
    assert "did you mean smollm2-135m-instruct?" in problem


def test_a_lock_file_with_a_short_revision_is_refused_with_its_place(tmp_path: Path) -> None:
    for folder in ("stacks", "models"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    path = tmp_path / "models" / "smollm2-135m-instruct.lock.yaml"
    lock = yaml.safe_load(path.read_text(encoding="utf-8"))
    lock["revision"] = lock["revision"][:7]
    path.write_text(yaml.safe_dump(lock), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_stack("serving-rehearsal", tmp_path)
    assert any(
        "models/smollm2-135m-instruct.lock.yaml" in line and "revision" in line for line in caught.value.problems
    )


def test_a_client_of_an_unknown_model_or_tier_is_refused() -> None:
    client = {"models": ["smolm2"], "tier": "gold", "longest_token_hours": 1, "contact": "a@example.com"}
    assert spoiled("serving-rehearsal", "clients", {"demo": client}) == (
        "settings.clients.demo.models: 'smolm2' is no model of this stack; did you mean smollm2?",
        "settings.clients.demo.tier: 'gold' is no tier of this stack; there are standard",
    )


def test_serving_in_another_region_than_its_platform_is_refused() -> None:
    (problem,) = spoiled("serving-rehearsal", "region", "eu-west-1")
    assert (
        problem == "settings.region: 'eu-west-1' differs from eu-central-1 of platform-rehearsal; use the same region"
    )


def test_serving_on_a_stack_that_is_no_platform_is_refused() -> None:
    (problem,) = spoiled("serving-rehearsal", "platform", "edge-rehearsal")
    assert problem == "settings.platform: 'edge-rehearsal' is not a stack of layer platform; name one"


def test_a_stack_without_a_file_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"no such stack file; the stacks are .*platform-rehearsal"):
        load_stack("nowhere")


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.broken.yaml").write_text("config: [", encoding="utf-8")
    with pytest.raises(SettingsError, match="not YAML"):
        load_stack("broken", tmp_path)


def test_settings_cannot_be_changed_once_loaded() -> None:
    settings = load_stack("platform-rehearsal")
    assert isinstance(settings, PlatformSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.region = "eu-west-1"


def test_only_pools_of_the_named_platform_are_searched() -> None:
    settings = load_stack("serving-rehearsal")
    assert isinstance(settings, ServingSettings)
    assert settings.platform == "platform-rehearsal"


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.twice.yaml").write_text("config: {a: 1}\nconfig: {b: 2}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="key 'config' stands twice"):
        load_stack("twice", tmp_path)
