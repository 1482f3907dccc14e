"""The view of a container: flags in every spelling, variables, hooks, and which engine it runs."""

import re
from typing import Any

import pytest

from policies.guardrails.engine_flags import LLAMA_CPP, VLLM, Known, told
from policies.guardrails.pods import CONTAINER, UNKNOWN_ENGINE, WORKLOADS, containers, image_name, texts
from policies.guardrails.types import ALLOWED_TYPES

from .support import findings, good, view

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
        ({"image": f"{REGISTRY}weights@sha256:0", "args": ["fetch", "--model", "a", "--target=/models"]}, None),
        ({"image": "x", "resources": {"limits": {"nvidia.com/gpu": "1"}}}, UNKNOWN_ENGINE),
        ({"image": "x", "resources": {"requests": {"nvidia.com/mig-1g.10gb": "1"}}}, UNKNOWN_ENGINE),
        ({"image": "x", "resources": {"claims": [{"name": "gpu"}]}}, UNKNOWN_ENGINE),
        ({"image": "x", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}, None),
        ({"image": "x", "args": ["--tensor_parallel_size=2"]}, UNKNOWN_ENGINE),
        ({"image": "x", "args": ["/models/a.gguf"]}, UNKNOWN_ENGINE),
        ({"image": "x", "command": ["python3", "-m", "sglang.launch_server"]}, "SGLang"),
        ({"image": "nvcr.io/nvidia/tritonserver:25.07"}, "Triton"),
        ({"image": f"{REGISTRY}ollama@sha256:0"}, "another engine"),
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


def test_containers_given_as_one_object_are_one_container() -> None:
    pod = {"spec": {"template": {"spec": {"containers": {"name": "a", "image": "docker.io/x"}}}}}
    assert [container.spec.get("name") for container in containers(view(DEPLOYMENT, pod))] == ["a"]
    assert "supply-chain-image-is-own" in {finding.rule.id for finding in findings(view(DEPLOYMENT, pod))}


@pytest.mark.parametrize("spec", [None, "text", {"containers": "text"}, {"containers": [["a"]]}])
def test_a_pod_that_cannot_be_walked_is_refused(spec: Any) -> None:
    found = findings(view(DEPLOYMENT, {"metadata": {"namespace": "a"}, "spec": {"template": {"spec": spec}}}))
    assert {"access-container-has-no-privilege", "supply-chain-image-is-own"} <= {finding.rule.id for finding in found}


def test_only_the_walked_kinds_of_the_workload_groups_are_allowed() -> None:
    prefixes = ("kubernetes:apps/", "kubernetes:batch/", "kubernetes:extensions/")
    assert {token for token in ALLOWED_TYPES if token.startswith(prefixes)} == set(WORKLOADS)
    kubernetes = [token for token in ALLOWED_TYPES if token.startswith("kubernetes:")]
    assert not [token for token in kubernetes if token.endswith(("Patch", "List", ":Pod", "PodTemplate"))]


@pytest.mark.parametrize("form", ["$(FLAG)", "${FLAG}", "$FLAG"])
def test_variables_are_filled_in_where_they_are_known(form: str) -> None:
    assert one(args=[form], env=[{"name": "FLAG", "value": "--api-key=x"}]).flag("--api-key") == "x"
    assert one(args=[form], env=[{"name": "FLAG", "valueFrom": {"secretKeyRef": {}}}]).words == (form,)


def test_the_commands_of_probes_and_hooks_are_shown_with_their_place() -> None:
    probe = {"exec": {"command": ["test", "-e", "/x"]}}
    found = one(livenessProbe=probe, lifecycle={"preStop": {"exec": {"command": "sh -c true"}}}).hooks
    path = "spec.template.spec.containers[0]"
    assert found == (
        (f"{path}.livenessProbe.exec", ("test", "-e", "/x")),
        (f"{path}.lifecycle.preStop.exec", ("sh", "-c", "true")),
    )
    (docker,) = containers(view(CONTAINER, {"healthcheck": {"tests": ["CMD", "curl", "x"]}}))
    assert docker.hooks == (("container.healthcheck", ("CMD", "curl", "x")),)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["vllm", "serve", "/m", "--port", "1"], [("", "/m"), ("--port", "1")]),
        (["serve", "--enforce-eager", "/m"], [("--enforce-eager", ""), ("", "/m")]),
        (["python3", "-m", "vllm.entrypoints.openai.api_server", "--model=/m"], [("--model", "/m")]),
        (["/m", "--max_model_len=1", "-tp", "2"], [("", "/m"), ("--max-model-len", "1"), ("-tp", "2")]),
        (["--port"], [("--port", "")]),
        (["--trust-remote", "x"], [("--trust-remote", ""), ("", "x")]),
    ],
)
def test_vllm_is_told_flags_values_and_a_model(words: list[str], expected: list[tuple[str, str]]) -> None:
    assert list(told(one(args=words), VLLM)) == expected


def test_llama_cpp_is_told_flags_with_their_values() -> None:
    found = list(told(one(command=["/app/llama-server"], args=["-m", "/m.gguf", "--metrics"]), LLAMA_CPP))
    assert found == [("-m", "/m.gguf"), ("--metrics", "")]


@pytest.mark.parametrize("known", [VLLM, LLAMA_CPP])
def test_a_listed_flag_is_of_one_kind_and_runs_nothing(known: Any) -> None:
    kinds = [known.switches, known.values, frozenset(known.paths), known.commits]
    assert sum(map(len, kinds)) == len(known.all)
    code = (
        "plugin",
        "middleware",
        "logits",
        "cls",
        "trust",
        "download",
        "url",
        "hf-repo",
        "config-file",
        "rpc",
        "lora",
    )
    assert [flag for flag in known.all if any(sign in flag for sign in code)] == [
        flag for flag in known.all if "-lora" in flag
    ]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (f"{REGISTRY}envoy@sha256:0", "envoy"),
        (f"{REGISTRY}envoy:v1@sha256:0", "envoy"),
        ("localhost:5000/a/haproxy:2", "haproxy"),
        ("envoy", "envoy"),
        (None, ""),
    ],
)
def test_the_name_of_an_image_is_its_last_part(reference: str | None, name: str) -> None:
    assert image_name(reference) == name


def test_texts_are_shown_as_they_are_written_with_their_path() -> None:
    given = view(DEPLOYMENT, {"a": {"b": ["x", 1, "UNKNOWN"]}, "c": '{"d": "e"}', "f": None})
    assert list(texts(given.props)) == [("a.b[0]", "x"), ("c", '{"d": "e"}')]


@pytest.mark.parametrize("engine", [VLLM, LLAMA_CPP], ids=["vLLM", "llama.cpp"])
def test_a_known_flag_is_one_whole_flag(engine: Known) -> None:
    """A list that is wrapped inside a word would refuse the flag and accept its halves."""
    assert [flag for flag in engine.all if not re.fullmatch(r"-{1,2}[A-Za-z0-9]+(-[a-z0-9]+)*", flag)] == []
