"""Replicas pack into machines, pools are large enough for them, and scarce machine types are told."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.catalog import instances
from components.settings.cluster import NodePool
from components.settings.errors import SettingsError
from components.settings.load import CONFIG_KEY, load_settings, stack_file
from components.settings.model_service import ModelService
from components.settings.placement import machines_for, nodes_wait, scarce_zones
from tests.platform_stack import settings

MODEL = {"lock": "smollm2-135m-instruct", "engine": "vllm", "node_pool": "gpu", "max_model_len": 2048}


def problems(models: dict[str, Any]) -> tuple[str, ...]:
    """Of the stack serving-dev, on a pool of at most 3 machines with one GPU each."""
    document = yaml.safe_load(stack_file("serving-dev").read_text(encoding="utf-8"))
    mapping = copy.deepcopy(document["config"][CONFIG_KEY]) | {"models": models, "clients": {}}
    try:
        load_settings(mapping, "stack")
    except SettingsError as error:
        return error.problems
    return ()


def test_a_replica_never_spans_two_machines() -> None:
    """4 replicas of 3 GPUs leave a GPU of each of four machines idle; small ones fill gaps."""
    assert machines_for([3, 3, 3, 3], 4) == 4
    assert machines_for([1, 3, 1, 3], 4) == 2
    assert machines_for([], 4) == 0


@given(st.lists(st.sampled_from([1, 2, 4, 8]), max_size=40))
def test_sizes_that_divide_each_other_leave_no_gap(replicas: list[int]) -> None:
    assert machines_for(replicas, 8) == -(-sum(replicas) // 8)


@given(st.lists(st.integers(1, 8), max_size=40))
def test_machines_hold_all_gpus_and_are_never_more_than_replicas(replicas: list[int]) -> None:
    assert -(-sum(replicas) // 8) <= machines_for(replicas, 8) <= len(replicas)


@pytest.mark.parametrize(("replicas", "gpus", "waits"), [(4, 1, True), (5, 1, False), (2, 2, True), (1, 3, True)])
def test_nodes_wait_when_the_least_of_the_pool_holds_all_replicas(replicas: int, gpus: int, waits: bool) -> None:
    pool = NodePool(instance_type="g6.12xlarge", min_nodes=1, max_nodes=9)
    assert nodes_wait(ModelService.model_validate({**MODEL, "replicas": replicas, "gpus": gpus}), pool) is waits


def test_more_replicas_than_the_pool_may_hold_are_refused_with_the_way_out() -> None:
    assert problems({"chat": {**MODEL, "replicas": 3}}) == ()
    assert problems({"chat": {**MODEL, "replicas": 4}}) == (
        "settings.models.chat.replicas: '4' but pool 'gpu' then needs 4 x g6e.2xlarge and its max_nodes is 3; "
        "lower replicas, or raise settings.node_pools.gpu.max_nodes of platform-dev to 4",
    )


def test_models_share_the_room_of_a_pool() -> None:
    models = {"chat": MODEL, "drafts": {**MODEL, "replicas": 2}}
    assert problems(models) == ()
    (problem,) = problems({**models, "reports": MODEL})
    assert problem.startswith(
        "settings.models.drafts.replicas: '2' beside 1 of chat, 1 of reports but pool 'gpu' then needs 4 x g6e.2xlarge"
    )


def test_a_replica_that_fits_no_machine_is_told_once() -> None:
    (problem,) = problems({"chat": {**MODEL, "gpus": 2, "replicas": 9}})
    assert problem.startswith("settings.models.chat.gpus: '2' but g6e.2xlarge of pool 'gpu' has 1;")


def scarce(instance_type: str, *, region: str = "eu-central-1", zones: int = 3) -> list[str]:
    pool = {"instance_type": instance_type, "min_nodes": 0, "max_nodes": 1}
    names = [region + letter for letter in "abc"[:zones]]
    return list(scarce_zones(settings(region=region, zones=names, node_pools={"gpu": pool})))


def test_a_type_that_every_zone_offers_is_no_matter() -> None:
    assert scarce("g6.xlarge") == []
    assert scarce("p5.48xlarge") == [], "not offered at all: a problem of the settings, not a warning"
    assert scarce("g6.xlarge", region="eusc-de-east-1") == [], "nothing is known about it"


def test_a_type_of_fewer_zones_than_the_stack_has_is_told_with_where_it_is() -> None:
    assert instances.offered_zones("gr6.4xlarge", "eu-central-1") == ("euc1-az2", "euc1-az3")
    (line,) = scarce("gr6.4xlarge")
    assert line.startswith(
        "node pool gpu: at least 1 of 3 zones cannot have gr6.4xlarge, which is offered in eu-central-1 ("
    )
    assert "eu-central-1 (euc1-az2, euc1-az3), " in line
    assert "(EC2 tables of moto 5.2.5, 2026-05); " in line
    assert line.endswith("`aws ec2 describe-availability-zones` tells the ids of your zones")


def test_of_as_many_zones_some_may_still_be_the_wrong_ones() -> None:
    (line,) = scarce("gr6.4xlarge", zones=2)
    assert line.startswith("node pool gpu: some of 2 zones may lack gr6.4xlarge")
