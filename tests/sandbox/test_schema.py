"""Inputs checked against the types of the real SDKs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from sandbox.providers import sdk_types
from sandbox.providers.schema import Problem, check, properties_of
from sandbox.providers.serve import UNKNOWN


def paths(package: str, token: str, inputs: dict[str, Any]) -> dict[str, str]:
    return {problem.property_path: problem.message for problem in check(package, token, inputs)}


def test_correct_inputs_have_no_problem() -> None:
    inputs = {"image": "x", "ports": [{"internal": 80}], "labels": [{"label": "a", "value": "b"}], "envs": ["A=b"]}
    assert check("pulumi_docker", "docker:index/container:Container", inputs) == []


def test_an_unknown_property_names_its_neighbour() -> None:
    found = paths("pulumi_docker", "docker:index/container:Container", {"image": "x", "ports": [{"internl": 1}]})
    assert found["ports[0].internl"] == "unknown property; did you mean internal?"
    assert found["ports[0].internal"] == "missing, but required"


def test_a_missing_property_is_a_problem_and_an_unknown_value_is_none() -> None:
    assert paths("pulumi_docker", "docker:index/container:Container", {}) == {"image": "missing, but required"}
    assert paths("pulumi_docker", "docker:index/container:Container", {"image": UNKNOWN}) == {}


@pytest.mark.parametrize(
    ("inputs", "path", "message"),
    [
        ({"memory": 1.5}, "memory", "1.5 is not a whole number"),
        ({"memory": True}, "memory", "True is not a whole number"),
        ({"envs": "A=b"}, "envs", "'A=b' is not a list"),
        ({"sysctls": {"a": 1}}, "sysctls.a", "1 is not text"),
        ({"healthcheck": []}, "healthcheck", "[] is not a mapping"),
        ({"wait": "yes"}, "wait", "'yes' is not true or false"),
    ],
)
def test_a_wrong_type_is_named(inputs: dict[str, Any], path: str, message: str) -> None:
    assert paths("pulumi_docker", "docker:index/container:Container", {"image": "x", **inputs}) == {path: message}


def test_an_enum_lists_what_it_accepts() -> None:
    found = paths("pulumi_docker", "docker:index/image:Image", {"imageName": "x", "build": {"builderVersion": "V3"}})
    assert found == {
        "build.builderVersion": "'V3' is not accepted; use one of 'BuilderV1', 'BuilderBuildKit'",
    }


def test_a_union_accepts_each_of_its_types() -> None:
    role = "aws:iam/role:Role"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["a"], "Resource": "*"}]}
    assert check("pulumi_aws", role, {"assumeRolePolicy": "{}"}) == []
    assert check("pulumi_aws", role, {"assumeRolePolicy": document}) == []
    assert check("pulumi_aws", role, {"assumeRolePolicy": 3}) != []


def test_nested_types_of_aws_are_checked() -> None:
    inputs = {"roleArn": "arn", "vpcConfig": {"subnetIds": ["subnet-1"], "endpointPublicAcess": False}}
    found = paths("pulumi_aws", "aws:eks/cluster:Cluster", inputs)
    assert found == {"vpcConfig.endpointPublicAcess": "unknown property; did you mean endpointPublicAccess?"}


def test_kubernetes_objects_are_checked_to_the_bottom() -> None:
    container = {"name": "x", "ports": [{"containerPort": 80}], "livenessProbe": {"httpGet": {"port": "http"}}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [container]}}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}
    token = "kubernetes:apps/v1:Deployment"
    assert check("pulumi_kubernetes", token, deployment) == []
    container["imagePullPolcy"] = "Never"
    assert "spec.template.spec.containers[0].imagePullPolcy" in paths("pulumi_kubernetes", token, deployment)
    assert "kind" in paths("pulumi_kubernetes", token, {**deployment, "kind": "Pod"})


def test_a_type_that_the_sdk_does_not_know_is_one_problem() -> None:
    assert check("pulumi_aws", "aws:eks/pod:Pod", {}) == [
        Problem("", "aws:eks/pod:Pod is not a resource of pulumi_aws")
    ]
    assert properties_of("pulumi_aws", "aws:eks/pod:Pod") is None


@pytest.fixture
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a rehearsal that has asked no SDK yet."""
    monkeypatch.setenv("CLOISTER_FOLDER", str(tmp_path))
    sdk_types._folder.cache_clear()
    sdk_types.read.cache_clear()
    yield tmp_path
    sdk_types._folder.cache_clear()
    sdk_types.read.cache_clear()


def test_what_an_sdk_says_is_kept_and_a_broken_file_is_written_anew(nothing_kept: Path) -> None:
    first = sdk_types.read("pulumi_aws", "aws:ec2/vpc:Vpc")
    [file] = nothing_kept.rglob("*.json")
    sdk_types.read.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdk_types, "_from_sdk", lambda *_: pytest.fail("it is kept"))
        assert sdk_types.read("pulumi_aws", "aws:ec2/vpc:Vpc") == first
    file.write_text("{half", encoding="utf-8")
    sdk_types.read.cache_clear()
    assert sdk_types.read("pulumi_aws", "aws:ec2/vpc:Vpc") == first


def test_resources_of_one_type_that_are_checked_at_once_ask_the_sdk_once(
    nothing_kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    from_sdk, together = sdk_types._from_sdk, Barrier(8)

    def counted(package: str, type_token: str) -> dict[str, Any]:
        asked.append(type_token)
        return from_sdk(package, type_token)

    def read(_: int) -> Any:
        together.wait()
        return sdk_types.read("pulumi_aws", "aws:ec2/vpc:Vpc")

    monkeypatch.setattr(sdk_types, "_from_sdk", counted)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(read, range(8)))
    assert answers[0] is not None
    assert all(answer == answers[0] for answer in answers)
    assert asked == ["aws:ec2/vpc:Vpc"]
    assert [file.suffix for file in nothing_kept.rglob("*") if file.is_file()] == [".json"]
