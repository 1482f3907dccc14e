"""The Kubernetes stand-in under the real Pulumi engine, against a real API server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import kubernetes
from sandbox.places import rehearsal_folder
from sandbox.tools import install_plugins

pytestmark = [pytest.mark.engine, pytest.mark.servers]

PULUMI = rehearsal_folder() / "bin" / "pulumi"
PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s

settings = pulumi.Config()
provider = k8s.Provider("kubernetes", kubeconfig=settings.require("kubeconfig"))
opts = pulumi.ResourceOptions(provider=provider)
namespace = k8s.core.v1.Namespace("serving", opts=opts)
labels = {"app": settings.get("app") or "engine"}
engine = k8s.apps.v1.Deployment(
    "engine",
    metadata=k8s.meta.v1.ObjectMetaArgs(name="engine", namespace=namespace.metadata.name),
    spec=k8s.apps.v1.DeploymentSpecArgs(
        replicas=settings.get_int("replicas") or 0,
        selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
        template=k8s.core.v1.PodTemplateSpecArgs(
            metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels),
            spec=k8s.core.v1.PodSpecArgs(containers=[k8s.core.v1.ContainerArgs(name="main", image="a")]),
        ),
    ),
    opts=pulumi.ResourceOptions(provider=provider, custom_timeouts=pulumi.CustomTimeouts(create="20s", update="3s")),
)
k8s.core.v1.Secret(
    "token",
    metadata=k8s.meta.v1.ObjectMetaArgs(name="token", namespace=namespace.metadata.name),
    string_data={"token": "in-the-clear"},
    opts=opts,
)
pulumi.export("namespace", namespace.metadata.name)
pulumi.export("uid", engine.metadata.uid)
"""

Pulumi = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pulumi(tmp_path: Path, kubernetes_cluster: kubernetes.Cluster) -> Pulumi:
    assert PULUMI.exists(), f"{PULUMI} is not there; run `python -m sandbox.tools`"
    install_plugins(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: kubernetes-test\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = {
        **os.environ,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(PULUMI), *arguments, "--cwd", str(tmp_path), "--non-interactive"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert run("stack", "init", "test").returncode == 0
    run("config", "set", "kubeconfig", kubernetes_cluster.admin_kubeconfig)
    return run


def test_a_stack_is_made_left_alone_changed_and_removed(pulumi: Pulumi) -> None:
    up = pulumi("up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout + up.stderr
    outputs = json.loads(pulumi("stack", "output", "--json").stdout)
    assert outputs["namespace"].startswith("serving-")
    assert len(outputs["uid"]) == 36
    assert "in-the-clear" not in pulumi("stack", "export").stdout

    unchanged = pulumi("preview", "--expect-no-changes", "--diff")
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    assert pulumi("refresh", "--yes", "--expect-no-changes", "--skip-preview").returncode == 0

    pulumi("config", "set", "app", "other")
    replaced = pulumi("preview", "--diff")
    assert replaced.returncode == 0, replaced.stdout + replaced.stderr
    assert "kubernetes:apps/v1:Deployment: (replace)" in replaced.stdout
    assert '~ app: "engine" => "other"' in replaced.stdout
    up = pulumi("up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout + up.stderr

    pulumi("config", "set", "replicas", "1")  # there is no node for it
    failed = pulumi("up", "--yes", "--skip-preview")
    assert failed.returncode != 0
    assert "timed out after 3 s: 0 of 1 replicas are available" in failed.stdout, failed.stdout + failed.stderr

    gone = pulumi("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout + gone.stderr
