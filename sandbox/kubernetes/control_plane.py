"""Starts and stops the control plane's five processes and writes down how to reach it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox import processes
from sandbox.kubernetes.certificates import write_authority
from sandbox.kubernetes.files import write_private
from sandbox.kubernetes.port_choice import PortHeldError, kept_ports
from sandbox.places import rehearsal_folder

# Users of the API and their groups. The admin is for the sandbox itself; stacks come with tokens of the sandbox's STS.
_USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "kwok": "system:masters",
}
_STOP_ORDER = ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
_READY_SECONDS = 90


class KubernetesError(Exception):
    """The control plane cannot be started; the message names place, cause and way out."""


@dataclass(frozen=True)
class Cluster:
    """How to reach the control plane; `cluster.json` holds the same.

    Args:
        endpoint: `https://127.0.0.1:<port>`.
        certificate_authority: base64 of the PEM, as EKS gives it.
        admin_kubeconfig: path of a kubeconfig whose user may do everything.
    """

    endpoint: str
    certificate_authority: str
    admin_kubeconfig: str


@dataclass(frozen=True)
class _Place:
    root: Path
    folder: Path
    binary: Path
    ports: dict[str, int]
    tokens: dict[str, str]

    def run(self, role: str, flags: Sequence[str], ready: Callable[[], bool]) -> None:
        processes.start(
            role,
            [str(self.binary), role, *flags],
            cwd=self.folder,
            env={"PATH": os.defpath, "HOME": str(self.folder)},  # no proxy, no kubeconfig of the user
            ready=ready,
            timeout=_READY_SECONDS,
            folder=self.root,
        )

    def url(self, role: str, path: str = "") -> str:
        scheme = "http" if role in ("etcd", "kwok") else "https"
        return f"{scheme}://127.0.0.1:{self.ports[role]}{path}"

    def answers(self, role: str, path: str) -> bool:
        request = urllib.request.Request(
            self.url(role, path), headers={"Authorization": f"Bearer {self.tokens['admin']}"}
        )
        trust = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(request, timeout=2) as response:
            return bool(response.status == 200)


def start(root: Path | None = None, *, token_review_port: int | None = None, binary: Path | None = None) -> Cluster:
    """Starts what does not run yet and returns once all is healthy; objects of earlier runs are still there.

    Args:
        root: the rehearsal's folder, by default `.cloister`; data goes to `kubernetes/` in it.
        token_review_port: loopback port whose `/token-review` is asked about tokens that the API server does not know.
        binary: the multi-call binary, by default `bin/control-plane` in the root.

    Raises:
        KubernetesError: a kept port is taken, or the binary is missing.
        sandbox.processes.ProcessError: a process did not become healthy; the message ends with its log.
    """
    root = (root or rehearsal_folder()).absolute()
    binary = (binary or root / "bin" / "control-plane").absolute()
    if not binary.is_file():
        raise KubernetesError(f"{binary} is missing; build it with `python -m sandbox.tools`")
    folder = root / "kubernetes"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        ports = kept_ports(folder / "ports.json", {process.name for process in processes.running(root)})
    except PortHeldError as problem:
        raise KubernetesError(str(problem)) from problem
    write_authority(folder)
    place = _Place(root, folder, binary, ports, _tokens(folder))
    for user in _USERS:
        _write_kubeconfig(place, user)
    _start_etcd(place)
    _start_api_server(place, token_review_port)
    with ThreadPoolExecutor() as pool:
        for started in [pool.submit(step, place) for step in (_start_controllers, _start_scheduler, _start_kwok)]:
            started.result()
    cluster = Cluster(
        endpoint=place.url("kube-apiserver"),
        certificate_authority=base64.b64encode((folder / "ca.crt").read_bytes()).decode(),
        admin_kubeconfig=str(_kubeconfig_path(folder, "admin")),
    )
    write_private(folder / "cluster.json", json.dumps(asdict(cluster), indent=1))
    return cluster


def stop(root: Path | None = None) -> None:
    """Stops what runs; the objects stay on disk."""
    root = (root or rehearsal_folder()).absolute()
    (root / "kubernetes" / "cluster.json").unlink(missing_ok=True)
    for role in _STOP_ORDER:
        processes.stop(role, folder=root)


def _start_etcd(place: _Place) -> None:
    client, peer = place.url("etcd"), f"http://127.0.0.1:{place.ports['etcd-peer']}"
    flags = [
        "--name=sandbox",
        f"--data-dir={place.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    place.run("etcd", flags, lambda: place.answers("etcd", "/health"))


def _start_api_server(place: _Place, token_review_port: int | None) -> None:
    key = place.folder / "service-account.key"
    flags = [
        f"--etcd-servers={place.url('etcd')}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={place.ports['kube-apiserver']}",
        f"--tls-cert-file={place.folder / 'server.crt'}",
        f"--tls-private-key-file={place.folder / 'server.key'}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        f"--token-auth-file={place.folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--profiling=false",
    ]
    if token_review_port is not None:
        webhook = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sts", "cluster": {"server": f"http://127.0.0.1:{token_review_port}/token-review"}}],
            "users": [{"name": "kube-apiserver", "user": {}}],
            "contexts": [{"name": "sts", "context": {"cluster": "sts", "user": "kube-apiserver"}}],
            "current-context": "sts",
        }
        # The port is in the file's name, so that another port is another command and restarts the server.
        file = write_private(place.folder / f"token-review-{token_review_port}.json", json.dumps(webhook))
        flags += [
            f"--authentication-token-webhook-config-file={file}",
            "--authentication-token-webhook-version=v1",
            "--authentication-token-webhook-cache-ttl=10s",
        ]
    place.run("kube-apiserver", flags, lambda: place.answers("kube-apiserver", "/readyz"))


def _start_controllers(place: _Place) -> None:
    flags = [
        *_serving_flags(place, "kube-controller-manager", "system:kube-controller-manager"),
        f"--service-account-private-key-file={place.folder / 'service-account.key'}",
        f"--root-ca-file={place.folder / 'ca.crt'}",
        "--use-service-account-credentials=true",  # without it no rollout finishes
        "--kube-api-qps=300",  # the default of 20 makes a first rollout take five seconds
        "--kube-api-burst=300",
        "--profiling=false",
    ]

    def ready() -> bool:
        account = "/api/v1/namespaces/default/serviceaccounts/default"  # pods are refused until it exists
        return place.answers("kube-controller-manager", "/healthz") and place.answers("kube-apiserver", account)

    place.run("kube-controller-manager", flags, ready)


def _start_scheduler(place: _Place) -> None:
    flags = [*_serving_flags(place, "kube-scheduler", "system:kube-scheduler"), "--profiling=false"]
    place.run("kube-scheduler", flags, lambda: place.answers("kube-scheduler", "/healthz"))


def _start_kwok(place: _Place) -> None:
    stages = subprocess.run([place.binary, "kwok-stages"], check=True, capture_output=True, text=True, timeout=30)
    flags = [
        f"--kubeconfig={_kubeconfig_path(place.folder, 'kwok')}",
        f"--config={write_private(place.folder / 'kwok.yaml', stages.stdout)}",
        "--manage-all-nodes=true",
        "--node-ip=127.0.0.1",
        f"--server-address=127.0.0.1:{place.ports['kwok']}",
        "--node-lease-duration-seconds=40",
    ]
    place.run("kwok", flags, lambda: place.answers("kwok", "/healthz"))


def _serving_flags(place: _Place, role: str, user: str) -> list[str]:
    return [
        f"--kubeconfig={_kubeconfig_path(place.folder, user)}",
        "--bind-address=127.0.0.1",
        f"--secure-port={place.ports[role]}",
        f"--tls-cert-file={place.folder / 'server.crt'}",
        f"--tls-private-key-file={place.folder / 'server.key'}",
        "--leader-elect=false",
    ]


def _tokens(folder: Path) -> dict[str, str]:
    """User -> token, made at the first start; the API server reads the same file."""
    file = folder / "tokens.csv"
    if not file.exists():
        lines = [f'{secrets.token_hex(16)},{user},{user},"{group}"' for user, group in _USERS.items()]
        write_private(file, "\n".join(lines) + "\n")
    return {fields[1]: fields[0] for fields in (line.split(",") for line in file.read_text().splitlines())}


def _kubeconfig_path(folder: Path, user: str) -> Path:
    return folder / f"{user.removeprefix('system:')}.kubeconfig"


def _write_kubeconfig(place: _Place, user: str) -> None:
    authority = base64.b64encode((place.folder / "ca.crt").read_bytes()).decode()
    cluster = {"server": place.url("kube-apiserver"), "certificate-authority-data": authority}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": place.tokens[user]}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
        "current-context": "sandbox",
    }
    write_private(_kubeconfig_path(place.folder, user), json.dumps(document, indent=1))
