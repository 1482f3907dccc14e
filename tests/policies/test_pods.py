"""The view of a container: flags in every spelling, variables, and which engine it runs."""

from typing import Any

import pytest

from policies.guardrails.pods import CONTAINER, WORKLOADS, containers

from .support import good, view

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/cloister/"


def one(**spec: Any) -> Any:
    pod = {"spec": {"template": {"spec": {"containers": [spec]}}}}
    return next(iter(containers(view(DEPLOYMENT, pod))))


@pytest.mark.parametrize(
    ("args", "value"),
    [
        (["--load-format=pt"], "pt"),
        (["--load-format", "pt"], "pt"),
        (["--load_format", "pt"], "pt"),
        (["--load-format", "--port=1"], ""),
        (["--load-format=pt", "--load-format=safetensors"], "safetensors"),
        (["--other"], None),
    ],
)
def test_a_flag_is_found_in_every_spelling_and_the_last_one_counts(args: list[str], value: str | None) -> None:
    assert one(args=args).flag("--load-format") == value


def test_a_flag_inside_a_shell_command_is_found() -> None:
    assert one(command=["sh", "-c"], args=["exec vllm serve /m --api-key=x"]).flag("--api-key") == "x"


@pytest.mark.parametrize(
    ("spec", "engine"),
    [
        ({"image": f"{REGISTRY}vllm-openai@sha256:0"}, "vllm"),
        ({"image": "x", "command": ["python3", "-m", "vllm.entrypoints.openai.api_server"]}, "vllm"),
        ({"image": "x", "args": ["/app/llama-server", "--model", "/m"]}, "llama.cpp"),
        ({"image": f"{REGISTRY}llama-cpp@sha256:0"}, "llama.cpp"),
        ({"image": f"{REGISTRY}envoy@sha256:0"}, None),
        ({"image": f"{REGISTRY}weights@sha256:0", "args": ["fetch", "--target=/models"]}, None),
    ],
)
def test_an_engine_is_known_by_its_image_or_its_command(spec: dict[str, Any], engine: str | None) -> None:
    assert one(**spec).engine == engine


def test_variables_of_pods_and_docker_containers_are_read_alike() -> None:
    pod = one(
        env=[{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    )
    assert dict(pod.environment) == {"A": "1", "B": None}
    (docker,) = containers(view(CONTAINER, {"envs": ["A=1", "B=x=y"]}))
    assert dict(docker.environment) == {"A": "1", "B": "x=y"}


@pytest.mark.parametrize("type_", WORKLOADS)
def test_every_workload_kind_shows_its_containers(type_: str) -> None:
    assert [container.engine for container in containers(view(type_, good()[type_]))] == ["vllm"]


def test_init_and_ephemeral_containers_are_shown_too() -> None:
    pod = {kind: [{"name": kind}] for kind in ("initContainers", "containers", "ephemeralContainers")}
    assert len(list(containers(view(DEPLOYMENT, {"spec": {"template": {"spec": pod}}})))) == 3
