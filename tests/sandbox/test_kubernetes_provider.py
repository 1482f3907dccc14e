"""The Kubernetes stand-in against a real API server."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from sandbox import kubernetes
from sandbox.places import rehearsal_folder
from sandbox.providers.kubernetes.api import Api
from sandbox.providers.kubernetes.kubeconfig import load_kubeconfig
from tests.sandbox.kubernetes_stack import RefusedError, Resource, provider

pytestmark = pytest.mark.servers

BINARY = rehearsal_folder() / "bin" / "control-plane"
PLUGIN = """#!{python}
import json, pathlib
runs = pathlib.Path("{runs}")
token = "fresh" if runs.exists() else "stale"
with runs.open("a") as file:
    file.write(token + ",")
kind = dict(apiVersion="client.authentication.k8s.io/v1", kind="ExecCredential")
print(json.dumps(dict(kind, status=dict(token=token, expirationTimestamp="2999-01-01T00:00:00Z"))))
"""
POD = {"containers": [{"name": "main", "image": "registry.test/main@sha256:" + "0" * 64}]}


@pytest.fixture(scope="module")
def cluster(kubernetes_cluster: kubernetes.Cluster) -> kubernetes.Cluster:
    return kubernetes_cluster


@pytest.fixture(scope="module")
def api(cluster: kubernetes.Cluster) -> Iterator[Api]:
    with contextlib.closing(Api(load_kubeconfig(cluster.admin_kubeconfig))) as api:
        yield api


@pytest.fixture(scope="module")
def stub(cluster: kubernetes.Cluster) -> Iterator[Any]:
    with provider(kubeconfig=Path(cluster.admin_kubeconfig).read_text()) as stub:
        yield stub


@pytest.fixture
def namespace(api: Api) -> str:
    name = f"test-{secrets.token_hex(3)}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "test")
    return name


@pytest.fixture(scope="module")
def gpu_node(api: Api) -> str:
    amount = {"cpu": "48", "memory": "384Gi", "pods": "110", "nvidia.com/gpu": "4"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "gpu-0", "labels": {"pool": "gpu"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]},
        "status": {"capacity": amount, "allocatable": amount},
    }
    api.apply(node, "test")
    deadline = time.monotonic() + 15
    while not _is_ready(api.get(node)):
        assert time.monotonic() < deadline, "the node is not ready"
        time.sleep(0.1)
    return "gpu-0"


def _is_ready(node: dict[str, Any] | None) -> bool:
    conditions = (node or {}).get("status", {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def deployment(namespace: str, name: str = "engine", gpus: int = 1, **spec: Any) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/health", "port": 8000}}
    container = {
        **POD["containers"][0],
        "resources": {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {},
        "readinessProbe": probe,
        "startupProbe": probe,
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
    }
    pod = {
        "initContainers": [{"name": "weights", "image": "registry.test/weights@sha256:" + "1" * 64}],
        "containers": [container],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
    labels = {"app": name}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def config_map(namespace: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": "settings", "namespace": namespace}, "data": data}


def test_an_object_without_a_name_gets_one_and_keeps_it(stub: Any) -> None:
    resource = Resource(stub, "kubernetes:core/v1:Namespace", "serving")
    name = resource.create({})["metadata"]["name"]
    assert name.startswith("serving-")
    assert len(name) == len("serving-") + 8
    resource.seed = b"another"
    assert resource.update({"metadata": {"labels": {"a": "b"}}})["metadata"]["name"] == name
    resource.delete()
    assert resource.read().id == ""


def test_a_deployment_with_init_container_probes_and_gpu_becomes_ready(
    stub: Any, namespace: str, gpu_node: str
) -> None:
    resource = Resource(stub, "kubernetes:apps/v1:Deployment", "engine")
    previewed = resource.preview(deployment(namespace))
    assert previewed["spec"]["progressDeadlineSeconds"] == 600  # a default of the server: it was asked
    outputs = resource.create(deployment(namespace))
    assert outputs["status"]["readyReplicas"] == 1
    assert resource.id == f"{namespace}/engine"
    service = Resource(stub, "kubernetes:core/v1:Service", "engine")
    service.create(
        {
            "metadata": {"name": "engine", "namespace": namespace},
            "spec": {"selector": {"app": "engine"}, "ports": [{"port": 8000}]},
        }
    )
    assert service.id == f"{namespace}/engine"
    resource.delete()


def test_an_unchanged_declaration_has_no_changes(stub: Any, namespace: str, gpu_node: str) -> None:
    resource = Resource(stub, "kubernetes:apps/v1:Deployment", "engine")
    resource.create(deployment(namespace, gpus=0))
    answer = resource.diff(deployment(namespace, gpus=0))
    assert answer.changes == answer.DIFF_NONE
    assert not answer.detailedDiff


def test_a_changed_image_is_an_update_that_names_its_path(stub: Any, namespace: str, gpu_node: str) -> None:
    resource = Resource(stub, "kubernetes:apps/v1:Deployment", "engine")
    resource.create(deployment(namespace, gpus=0))
    changed = deployment(namespace, gpus=0)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/main@sha256:" + "2" * 64
    answer = resource.diff(changed)
    assert list(answer.detailedDiff) == ["spec.template.spec.containers[0].image"]
    assert not answer.replaces
    assert resource.update(changed)["status"]["observedGeneration"] == 2


def test_an_object_that_somebody_deleted_is_made_again(cluster: kubernetes.Cluster, api: Api, namespace: str) -> None:
    with provider(kubeconfig=cluster.admin_kubeconfig, enableConfigMapMutable="true") as mutable:
        resource = Resource(mutable, "kubernetes:core/v1:ConfigMap", "settings")
        resource.create(config_map(namespace, a="1"))
        live = {"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace)}
        api.delete(live, "Background")
        answer = resource.diff(config_map(namespace, a="1"))
        assert answer.changes == answer.DIFF_SOME
        assert resource.update(config_map(namespace, a="1"))["data"] == {"a": "1"}


def test_an_immutable_selector_is_replaced_after_its_deletion(stub: Any, namespace: str, gpu_node: str) -> None:
    resource = Resource(stub, "kubernetes:apps/v1:Deployment", "engine")
    resource.create(deployment(namespace, gpus=0))
    labels = {"app": "other"}
    changed = deployment(namespace, gpus=0, selector={"matchLabels": labels})
    changed["spec"]["template"]["metadata"]["labels"] = labels
    answer = resource.diff(changed)
    assert list(answer.replaces) == ["spec.selector.matchLabels.app"]
    assert answer.deleteBeforeReplace
    assert resource.preview(changed)["metadata"]["name"] == "engine"


def test_what_the_server_calls_immutable_is_replaced_although_no_list_names_it(stub: Any, namespace: str) -> None:
    resource = Resource(stub, "kubernetes:scheduling.k8s.io/v1:PriorityClass", "urgent")
    named = {"metadata": {"name": f"urgent-{namespace}"}}
    resource.create({**named, "value": 10})
    assert list(resource.diff({**named, "value": 20}).replaces) == ["value"]
    resource.delete()


def test_a_new_name_is_a_replacement_that_creates_first(stub: Any, namespace: str) -> None:
    resource = Resource(stub, "kubernetes:core/v1:ConfigMap", "settings")
    resource.create(config_map(namespace, a="1"))
    renamed = {"metadata": {"name": "renamed", "namespace": namespace}, "data": {"a": "1"}}
    answer = resource.diff(renamed)
    assert list(answer.replaces) == ["metadata.name"]
    assert not answer.deleteBeforeReplace


def test_data_of_a_config_map_is_replaced_as_the_official_plugin_does(stub: Any, namespace: str) -> None:
    resource = Resource(stub, "kubernetes:core/v1:ConfigMap", "settings")
    resource.create(config_map(namespace, a="1"))
    assert list(resource.diff(config_map(namespace, a="2")).replaces) == ["data.a"]


def test_a_denial_of_an_admission_policy_shows_at_preview(stub: Any, api: Api, namespace: str) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"pinned-{namespace}"},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
                ],
            },
            "validations": [
                {
                    "expression": "object.spec.containers.all(c, c.image.contains('@sha256:'))",
                    "message": "pin the image",
                }
            ],
        },
    }
    binding = {
        **policy,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {"policyName": f"pinned-{namespace}", "validationActions": ["Deny"]},
    }
    api.apply(policy, "test")
    api.apply(binding, "test")
    bad = {
        "metadata": {"name": "tag", "namespace": namespace},
        "spec": {"containers": [{"name": "a", "image": "a:latest"}]},
    }
    resource = Resource(stub, "kubernetes:core/v1:Pod", "tag")
    deadline, refusal = time.monotonic() + 20, ""
    while not refusal and time.monotonic() < deadline:  # the API server reads a new policy within seconds
        try:
            resource.preview(bad)
            time.sleep(0.3)
        except grpc.RpcError as error:
            refusal = error.details()
    assert f"pinned-{namespace}" in refusal
    assert "pin the image" in refusal


def test_a_quota_refuses_at_preview(stub: Any, namespace: str) -> None:
    quota = Resource(stub, "kubernetes:core/v1:ResourceQuota", "quota")
    quota.create(
        {"metadata": {"name": "gpus", "namespace": namespace}, "spec": {"hard": {"requests.nvidia.com/gpu": "2"}}}
    )
    pod = {
        "metadata": {"name": "greedy", "namespace": namespace},
        "spec": {"containers": [{**POD["containers"][0], "resources": {"limits": {"nvidia.com/gpu": "3"}}}]},
    }
    with pytest.raises(grpc.RpcError, match="exceeded quota: gpus"):
        Resource(stub, "kubernetes:core/v1:Pod", "greedy").preview(pod)


def test_a_field_of_another_manager_is_a_conflict_that_names_it(
    stub: Any, api: Api, namespace: str, gpu_node: str
) -> None:
    resource = Resource(stub, "kubernetes:apps/v1:Deployment", "engine")
    resource.create(deployment(namespace, gpus=0))
    scaled = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "engine", "namespace": namespace},
        "spec": {"replicas": 2},
    }
    api.apply(scaled, "autoscaler", force=True)
    with pytest.raises(grpc.RpcError, match=r'conflict with "autoscaler".*\.spec\.replicas'):
        resource.diff(deployment(namespace, gpus=0))
    ignoring = resource.diff(deployment(namespace, gpus=0), ignore=["spec.replicas"])
    assert ignoring.changes == ignoring.DIFF_NONE


def test_a_deployment_that_cannot_be_scheduled_fails_with_the_schedulers_reason(
    stub: Any, namespace: str, gpu_node: str
) -> None:
    resource = Resource(stub, "kubernetes:apps/v1:Deployment", "engine")
    with pytest.raises(grpc.RpcError) as failure:
        resource.create(deployment(namespace, gpus=64), timeout=3)
    assert "failed to fully initialize or become live: timed out after 3 s" in failure.value.details()
    assert "Insufficient nvidia.com/gpu" in failure.value.details()
    kept = dict(failure.value.trailing_metadata())["grpc-status-details-bin"]
    assert b"pulumirpc.ErrorResourceInitFailed" in kept


def test_an_object_that_is_there_already_is_not_taken_over(stub: Any, api: Api, namespace: str) -> None:
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace, a="1")}, "somebody")
    resource = Resource(stub, "kubernetes:core/v1:ConfigMap", "settings")
    for attempt in (resource.preview, resource.create):
        with pytest.raises(grpc.RpcError, match="already exists"):
            attempt(config_map(namespace, a="2"))


def test_deletion_waits_until_the_object_is_gone(stub: Any, api: Api, namespace: str) -> None:
    held = config_map(namespace, a="1")
    held["metadata"]["finalizers"] = ["cloister.test/hold"]
    resource = Resource(stub, "kubernetes:core/v1:ConfigMap", "settings")
    resource.create(held)
    with pytest.raises(grpc.RpcError, match="still there 1 s after"):
        resource.delete(timeout=1)
    freed = {"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace, a="1")}
    manager = _manager(resource)
    timer = threading.Timer(0.5, lambda: api.apply(freed, manager))
    timer.start()
    resource.delete()
    timer.join()
    assert resource.read().id == ""


def test_unknown_and_missing_properties_are_refused_before_the_cluster_is_asked(stub: Any, namespace: str) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["replica"] = 2
    del wrong["spec"]["selector"]
    with pytest.raises(RefusedError) as refusal:
        Resource(stub, "kubernetes:apps/v1:Deployment", "engine").check(wrong)
    assert "spec.replica: unknown property; did you mean replicas?" in str(refusal.value)
    assert "spec.selector: missing" in str(refusal.value)


def test_custom_resources_work_once_their_definition_exists(stub: Any, namespace: str) -> None:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 3}}}},
    }
    token = "kubernetes:cloister.test/v1:Widget"
    # In the foreground the garbage collector would have to know the kind first; it looks for new ones every 30 s.
    annotations = {"pulumi.com/deletionPropagationPolicy": "background"}
    metadata = {"name": "one", "namespace": namespace, "annotations": annotations}
    widget: dict[str, Any] = {"metadata": metadata, "spec": {"size": 1}}
    assert Resource(stub, token, "one").preview(widget)["spec"] == {"size": 1}  # its kind is not known yet
    definition = Resource(stub, "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "widgets")
    definition.create(
        {
            "metadata": {"name": "widgets.cloister.test"},
            "spec": {
                "group": "cloister.test",
                "scope": "Namespaced",
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        }
    )
    resource = Resource(stub, token, "one")
    assert resource.create(widget)["spec"] == {"size": 1}
    assert resource.diff({**widget, "spec": {"size": 1}}).changes == 1
    with pytest.raises(grpc.RpcError, match="less than or equal to 3"):
        resource.diff({**widget, "spec": {"size": 4}})
    resource.delete()
    definition.delete()


def test_content_of_a_secret_is_marked_in_inputs_and_outputs(stub: Any, namespace: str) -> None:
    resource = Resource(stub, "kubernetes:core/v1:Secret", "token")
    outputs = resource.create({"metadata": {"name": "token", "namespace": namespace}, "stringData": {"a": "b"}})
    assert outputs["data"] == {"a": "Yg=="}
    for marked in (resource.inputs.fields["stringData"], resource.outputs.fields["data"]):
        assert marked.struct_value.fields["4dabf18193072939515e22adb298388d"].string_value.startswith("1b47061264")


@pytest.mark.parametrize(
    "token", ["kubernetes:helm.sh/v3:Release", "kubernetes:yaml:ConfigFile", "kubernetes:apps/v1:DeploymentPatch"]
)
def test_types_that_are_not_simulated_are_refused_by_name(stub: Any, token: str) -> None:
    with pytest.raises(grpc.RpcError, match=f"{token} is not simulated"):
        Resource(stub, token, "a").check({})


def test_a_cluster_that_does_not_answer_is_called_unreachable(cluster: kubernetes.Cluster) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"https://127.0.0.1:{nobody.getsockname()[1]}"
        text = Path(cluster.admin_kubeconfig).read_text().replace(cluster.endpoint, gone)
        unreachable = pytest.raises(grpc.RpcError, match="configured Kubernetes cluster is unreachable")
        with provider(kubeconfig=text) as stub, unreachable:
            Resource(stub, "kubernetes:core/v1:ConfigMap", "settings").preview(config_map("default", a="1"))


def test_a_token_of_an_exec_plugin_is_reviewed_and_a_refused_one_is_fetched_anew(
    cluster: kubernetes.Cluster, tmp_path: Path
) -> None:
    script = tmp_path / "get-token"
    script.write_text(PLUGIN.format(python=sys.executable, runs=tmp_path / "runs"))
    script.chmod(0o700)
    document = json.loads(Path(cluster.admin_kubeconfig).read_text())
    document["users"][0]["user"] = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}
    }
    with provider(kubeconfig=json.dumps(document)) as stub:
        for _ in range(2):
            assert Resource(stub, "kubernetes:core/v1:ConfigMap", "a").preview(config_map("default", a="1"))["data"]
    assert (tmp_path / "runs").read_text() == "stale,fresh,"  # the second request used the token that it had


def test_a_token_that_nobody_knows_is_an_unreachable_cluster(cluster: kubernetes.Cluster) -> None:
    document = json.loads(Path(cluster.admin_kubeconfig).read_text())
    document["users"][0]["user"] = {"token": "stale"}
    with provider(kubeconfig=json.dumps(document)) as stub, pytest.raises(grpc.RpcError, match="provide credentials"):
        Resource(stub, "kubernetes:core/v1:ConfigMap", "a").preview(config_map("default", a="1"))


def test_a_kept_port_that_somebody_took_is_refused_with_its_holder(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        (tmp_path / "kubernetes").mkdir()
        kept = tmp_path / "kubernetes" / "ports.json"
        kept.write_text(json.dumps({"kube-apiserver": port}))
        with pytest.raises(kubernetes.KubernetesError) as refusal:
            kubernetes.start(tmp_path, binary=BINARY)
    for part in (f"port {port}", "kube-apiserver", f"(pid {os.getpid()})", f"delete {kept}"):
        assert part in str(refusal.value)


def test_a_stopped_cluster_starts_again_with_its_objects(tmp_path: Path) -> None:
    try:
        first = kubernetes.start(tmp_path, binary=BINARY)
        kept = {"apiVersion": "v1", "kind": "ConfigMap", **config_map("default", a="1")}
        with contextlib.closing(Api(load_kubeconfig(first.admin_kubeconfig))) as api:
            api.apply(kept, "test")
        kubernetes.stop(tmp_path)
        assert not (tmp_path / "kubernetes" / "cluster.json").exists()
        assert kubernetes.start(tmp_path, binary=BINARY) == first
        with contextlib.closing(Api(load_kubeconfig(first.admin_kubeconfig))) as api:
            live = api.get(kept)
        assert live is not None
        assert live["data"] == {"a": "1"}
        private = [path for path in (tmp_path / "kubernetes").iterdir() if path.is_file()]
        assert private
        assert all(path.stat().st_mode & 0o077 == 0 for path in private)
    finally:
        kubernetes.stop(tmp_path)


def _manager(resource: Resource) -> str:
    return str(resource.outputs.fields["__fieldManager"].string_value)
