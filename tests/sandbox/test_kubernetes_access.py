"""Kubeconfigs, credentials, differences and provider inputs, without a cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.providers.kubernetes.changes import applied, differences, forces_new, with_live_values
from sandbox.providers.kubernetes.credentials import BearerToken, CredentialError, run_credential_plugin
from sandbox.providers.kubernetes.kubeconfig import KubeconfigError, load_kubeconfig
from sandbox.providers.kubernetes.settings import is_other_cluster, refusals

CONFIG: dict[str, Any] = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "here", "user": "me", "namespace": "serving"}}],
    "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "users": [{"name": "me", "user": {"token": "abc"}}],
}


def plugin(tmp_path: Path, expires: str | None) -> dict[str, Any]:
    """An exec section whose command prints "1", then "2", … as token."""
    status = {"expirationTimestamp": expires} if expires else {}
    script = (
        "import json, pathlib\n"
        f"file = pathlib.Path({str(tmp_path / 'runs')!r})\n"
        "file.open('a').write('x')\n"
        f"status = dict({status!r}, token=str(len(file.read_text())))\n"
        "print(json.dumps(dict(apiVersion='client.authentication.k8s.io/v1', kind='ExecCredential', status=status)))\n"
    )
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", script]}


def tokens_sent(user: dict[str, Any], accepted: set[str], requests: int) -> list[str]:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"].removeprefix("Bearer "))
        return httpx.Response(200 if sent[-1] in accepted else 401)

    with httpx.Client(auth=BearerToken(user), transport=httpx.MockTransport(answer)) as client:
        for _ in range(requests):
            client.get("https://127.0.0.1/")
    return sent


def test_a_plugins_token_is_kept_until_it_expires(tmp_path: Path) -> None:
    assert tokens_sent({"exec": plugin(tmp_path, "2999-01-01T00:00:00Z")}, {"1"}, 3) == ["1", "1", "1"]


def test_an_expired_token_is_fetched_anew(tmp_path: Path) -> None:
    assert tokens_sent({"exec": plugin(tmp_path, "2001-01-01T00:00:00Z")}, {"1", "2"}, 2) == ["1", "2"]


def test_a_refused_token_is_fetched_anew_once(tmp_path: Path) -> None:
    assert tokens_sent({"exec": plugin(tmp_path, None)}, {"2"}, 2) == ["1", "2", "2"]
    assert tokens_sent({"exec": plugin(tmp_path, None)}, set(), 1) == ["3", "4"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["no-such-command-anywhere"], "is not found"),
        ([sys.executable, "-c", "import sys; sys.exit('no session')"], "ended with 1: no session"),
        ([sys.executable, "-c", "print('a secret')"], "did not print an ExecCredential"),
    ],
)
def test_a_plugin_that_gives_no_token_is_named_with_what_it_said(command: list[str], said: str) -> None:
    with pytest.raises(CredentialError, match=said) as failure:
        run_credential_plugin({"command": command[0], "args": command[1:]})
    assert "a secret" not in str(failure.value).replace("print('a secret')", "")


def test_a_kubeconfig_may_be_text_or_a_path(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(json.dumps(CONFIG))
    assert load_kubeconfig(str(path)) == load_kubeconfig(json.dumps(CONFIG))
    assert load_kubeconfig(str(path)).namespace == "serving"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current-context": "other"}, "no context 'other'; it has c"),
        ({"current-context": ""}, "no current-context"),
        ({"users": []}, "no user 'me'; it has none"),
        ({"clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1"}}]}, "must be an https:// URL"),
    ],
)
def test_a_kubeconfig_that_lacks_something_says_what(change: dict[str, Any], said: str) -> None:
    with pytest.raises(KubeconfigError, match=said):
        load_kubeconfig(json.dumps({**CONFIG, **change}))


def test_trust_without_verification_is_refused() -> None:
    clusters = [{"name": "here", "cluster": {"server": "https://a", "insecure-skip-tls-verify": True}}]
    with pytest.raises(KubeconfigError, match="refused"):
        load_kubeconfig(json.dumps({**CONFIG, "clusters": clusters})).trust()


def test_differences_name_each_path_and_how_it_changed() -> None:
    before = {"a": {"b.c": 1, "d": [1, 2]}, "gone": 1, "same": None}
    after = {"a": {"b.c": 2, "d": [1, 3, 4]}, "new": {}}
    assert dict(differences(before, after)) == {
        'a["b.c"]': "update",
        "a.d[1]": "update",
        "a.d[2]": "add",
        "gone": "delete",
        "new": "add",
    }


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("apps/v1:Deployment", "spec.selector.matchLabels.app", True),
        ("apps/v1:Deployment", "spec.selectors", False),
        ("apps/v1:Deployment", "spec.template.spec.containers[0].image", False),
        ("apps/v1:Deployment", "metadata.name", True),
        ("apps/v1:Deployment", "metadata.namespaces", False),
        ("v1:Pod", "spec.containers[0].command[1]", True),
        ("v1:Pod", "spec.activeDeadlineSeconds", False),
        ("batch/v1:Job", "spec.template.spec.volumes", True),
        ("v1:PersistentVolumeClaim", "spec.resources.requests.storage", True),
        ("v1:ConfigMap", "data.a", True),
        ("v1:Secret", "type", True),
    ],
)
def test_the_paths_that_need_a_new_object_are_the_official_ones(kind: str, path: str, expected: bool) -> None:
    api_version, _, name = kind.rpartition(":")
    assert forces_new(api_version, name, path, mutable_data=False) is expected


def test_data_may_change_in_place_when_the_provider_says_so() -> None:
    assert not forces_new("v1", "ConfigMap", "data.a", mutable_data=True)
    assert not forces_new("v1", "Secret", "stringData.a", mutable_data=True)
    assert forces_new("v1", "Secret", "type", mutable_data=True)


def test_what_is_sent_has_no_engine_keys_and_owns_a_secrets_data() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "__defaults": [], "stringData": {"a": "b"}, "data": {"c": "ZA=="}}
    assert applied(secret) == {"apiVersion": "v1", "kind": "Secret", "data": {"c": "ZA==", "a": "Yg=="}}


def test_ignored_paths_take_the_live_value_where_there_is_one() -> None:
    wanted = {"spec": {"replicas": 1, "paused": False}}
    assert with_live_values(wanted, {"spec": {"replicas": 5}}, ["spec.replicas", "spec.paused", "spec.other"]) == {
        "spec": {"replicas": 5, "paused": False}
    }


@pytest.mark.parametrize("key", ["renderYamlToDirectory", "helmReleaseSettings", "skipUpdateUnreachable"])
def test_provider_inputs_that_are_not_simulated_are_refused(key: str) -> None:
    assert [name for name, _ in refusals({key: "true", "kubeconfig": "x", "enableServerSideApply": "true"})] == [key]
    assert [name for name, _ in refusals({"enableServerSideApply": "false"})] == ["enableServerSideApply"]


def test_a_new_server_is_another_cluster_and_a_new_token_is_not() -> None:
    moved = {**CONFIG, "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:7443"}}]}
    renewed = {**CONFIG, "users": [{"name": "me", "user": {"token": "def"}}]}
    before = {"kubeconfig": json.dumps(CONFIG)}
    assert is_other_cluster(before, {"kubeconfig": json.dumps(moved)})
    assert not is_other_cluster(before, {"kubeconfig": json.dumps(renewed)})
    assert not is_other_cluster(
        {**before, "clusterIdentifier": "a"}, {"kubeconfig": json.dumps(moved), "clusterIdentifier": "a"}
    )
