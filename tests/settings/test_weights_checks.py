"""Room for weights: on local disks, together with the other models of a machine, or on the data disk."""

import pytest

from components.catalog import instances
from components.model.lock import ModelLock
from components.settings.cluster import NodePool
from components.settings.model_service import ModelService
from components.settings.weights_checks import room_problems, weights_path
from tests.locks import tiny_lock

GB = 10**9


def model(lock: str = "aa", gpus: int = 1, replicas: int = 1, *, stream: bool = False) -> ModelService:
    return ModelService(
        lock=lock,
        engine="vllm",
        node_pool="gpu",
        max_model_len=2048,
        gpus=gpus,
        replicas=replicas,
        stream_weights=stream,
    )


def sized(gigabytes: int) -> ModelLock:
    return tiny_lock(gigabytes * GB)


def problems(machine: str, models: dict[str, tuple[ModelService, ModelLock]], disk_gib: int = 100) -> list[str]:
    pool = NodePool(instance_type=machine, min_nodes=1, max_nodes=9, disk_gib=disk_gib)
    return list(room_problems("gpu", pool, instances.find(machine), models))


def test_models_that_never_meet_may_fill_the_disks_one_after_the_other() -> None:
    assert problems("g6.xlarge", {"a": (model("aa"), sized(120)), "b": (model("bb"), sized(120))}) == []


def test_models_that_may_meet_must_fit_together() -> None:
    models = {name: (model(name * 2), sized(1000)) for name in "abc"}
    (problem,) = problems("g6.12xlarge", models)
    assert "a, b, c may meet on one g6.12xlarge" in problem
    assert "3000 GB of weights; its local disks keep 2632 GB" in problem
    assert problems("g6.12xlarge", {name: models[name] for name in "ab"}) == []


def test_only_as_many_meet_as_have_gpus_and_the_heaviest_count() -> None:
    models = {"small": (model("small", 1), sized(10)), "wide": (model("wide", 4), sized(2600))}
    models["middle"] = (model("middle", 2), sized(900))
    assert problems("g6.12xlarge", models) == []


def test_replicas_and_services_of_one_lock_share_its_files() -> None:
    models = {"a": (model("same", replicas=4), sized(2000)), "b": (model("same"), sized(2000))}
    assert problems("g6.12xlarge", models) == []


def test_without_local_disks_every_pod_has_its_own_copy_on_the_data_disk() -> None:
    two = {"a": (model(replicas=2), sized(16))}
    assert weights_path(model(), sized(16), instances.find("g5g.16xlarge")).path == "pod-disk"
    (problem,) = problems("g5g.16xlarge", two, disk_gib=60)
    assert "2 of it on one g5g.16xlarge need 70 GiB" in problem
    assert "disk_gib '60'" in problem
    assert problems("g5g.16xlarge", two, disk_gib=70) == []


@pytest.mark.parametrize(("stream", "path", "count"), [(False, "pod-disk", 1), (True, "runai-streamer", 0)])
def test_what_is_streamed_needs_no_disk(stream: bool, path: str, count: int) -> None:
    chosen = model(stream=stream)
    assert weights_path(chosen, sized(300), instances.find("g6.xlarge")).path == path
    assert len(problems("g6.xlarge", {"a": (chosen, sized(300))})) == count
