"""The sandbox's Kubernetes API as the EKS stand-in sees it: where it is, and the nodes in it.

Not simulated: machines behind the nodes (kwok answers for them), the NVIDIA device plugin (the GPUs are in the nodes'
capacity from the start), draining before a node goes.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from sandbox.providers.serve import ProviderError

FOLDER_VARIABLE: Final = "CLOISTER_SANDBOX_KUBERNETES"
"""Names the folder whose `cluster.json` tells the endpoint, its authority and the administrator's kubeconfig."""

_ALONE: Final = {  # without a cluster the provider can still be tried: the values have EKS's form
    "endpoint": "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
    "certificate_authority": base64.b64encode(b"no cluster runs").decode(),
    "admin_kubeconfig": "",
}
_EFFECTS: Final = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}
_GROUP_LABEL: Final = "eks.amazonaws.com/nodegroup"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What the nodes of one group have in common.

    Args:
        cluster, name: the node group's.
        region: part of the nodes' names.
        size: number of nodes.
        machine: EC2's description of the instance type.
        subnets: EC2's descriptions; nodes go round them in order.
        labels, taints: as declared.
        capacity_type: ON_DEMAND, SPOT or CAPACITY_BLOCK.
    """

    cluster: str
    name: str
    region: str
    size: int
    machine: Mapping[str, Any]
    subnets: Sequence[Mapping[str, Any]]
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    capacity_type: str


def cluster_facts() -> dict[str, str]:
    """`endpoint`, `certificate_authority` and `admin_kubeconfig` of the sandbox's cluster, or values of their form."""
    folder = os.environ.get(FOLDER_VARIABLE)
    path = Path(folder) / "cluster.json" if folder else None
    if path is None or not path.exists():
        return dict(_ALONE)
    facts: dict[str, str] = json.loads(path.read_text())
    return facts


def nodes_of(pool: Pool) -> list[dict[str, Any]]:
    """The Node objects of a pool: the same ones for the same pool, so that a change of size touches only the rest."""
    machine = pool.machine
    zones = [pool.subnets[position % len(pool.subnets)] for position in range(pool.size)]
    resources, free = _resources(machine)
    arch = "arm64" if "arm64" in machine["ProcessorInfo"]["SupportedArchitectures"] else "amd64"
    nodes = []
    for position, subnet in enumerate(zones):
        address = _address(subnet["CidrBlock"], f"{pool.cluster}/{pool.name}/{position}")
        name = f"ip-{str(address).replace('.', '-')}.{pool.region}.compute.internal"
        zone = subnet["AvailabilityZone"]
        instance = "i-" + hashlib.sha256(name.encode()).hexdigest()[:17]
        labels = {
            _GROUP_LABEL: pool.name,
            "eks.amazonaws.com/capacityType": pool.capacity_type,
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": arch,
            "node.kubernetes.io/instance-type": machine["InstanceType"],
            "topology.kubernetes.io/region": pool.region,
            "topology.kubernetes.io/zone": zone,
            "topology.k8s.aws/zone-id": subnet.get("AvailabilityZoneId", ""),
            **pool.labels,
        }
        spec: dict[str, Any] = {"providerID": f"aws:///{zone}/{instance}"}
        if pool.taints:
            spec["taints"] = [
                {"key": taint["key"], "value": taint.get("value") or "", "effect": _EFFECTS[taint["effect"]]}
                for taint in pool.taints
            ]
        nodes.append(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
                "spec": spec,
                "status": {
                    "capacity": resources,
                    "allocatable": free,
                    "addresses": [
                        {"type": "InternalIP", "address": str(address)},
                        {"type": "Hostname", "address": name},
                    ],
                },
            }
        )
    return nodes


def apply_nodes(pool: Pool) -> None:
    """Make the cluster's nodes of this group those of the pool: create, correct, remove.

    Raises:
        ProviderError: the Kubernetes API does not answer or refuses.
    """
    wanted = {node["metadata"]["name"]: node for node in nodes_of(pool)}
    with _api() as api:
        if api is None:
            return
        for name in sorted(_existing(api, pool.name) - set(wanted)):
            _send(api, "DELETE", f"/api/v1/nodes/{name}", accept=(200, 202, 404))
        for name, node in wanted.items():
            if _send(api, "POST", "/api/v1/nodes", node, accept=(201, 409)).status_code == 409:
                present = _send(api, "GET", f"/api/v1/nodes/{name}").json()
                present["metadata"]["labels"] = node["metadata"]["labels"]
                own = [t for t in present["spec"].get("taints", []) if t["key"].startswith("node.kubernetes.io/")]
                present["spec"]["taints"] = [*own, *node["spec"].get("taints", [])]
                _send(api, "PUT", f"/api/v1/nodes/{name}", present)
            status = {"status": node["status"]}
            _send(api, "PATCH", f"/api/v1/nodes/{name}/status", status)


def remove_nodes(group: str) -> None:
    """Remove every node of a group from the cluster."""
    with _api() as api:
        if api is None:
            return
        for name in sorted(_existing(api, group)):
            _send(api, "DELETE", f"/api/v1/nodes/{name}", accept=(200, 202, 404))


def _existing(api: httpx.Client, group: str) -> set[str]:
    items = _send(api, "GET", f"/api/v1/nodes?labelSelector={_GROUP_LABEL}%3D{group}").json()["items"]
    return {item["metadata"]["name"] for item in items}


def _send(
    api: httpx.Client, method: str, path: str, body: Mapping[str, Any] | None = None, accept: Sequence[int] = (200,)
) -> httpx.Response:
    kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
    content = json.dumps(body) if body is not None else None
    try:
        answer = api.request(method, path, content=content, headers={"Content-Type": kind})
    except httpx.TransportError as error:
        raise ProviderError(f"the Kubernetes API at {api.base_url} does not answer ({error}); start it first") from None
    if answer.status_code not in accept:
        raise ProviderError(f"{method} {path}: the Kubernetes API answered {answer.status_code}: {answer.text[:300]}")
    return answer


@contextmanager
def _api() -> Iterator[httpx.Client | None]:
    """A client with the administrator's certificate or token; None when no cluster runs beside this stand-in."""
    facts = cluster_facts()
    if not facts.get("admin_kubeconfig"):
        yield None
        return
    path = Path(facts["admin_kubeconfig"])
    kubeconfig = yaml.safe_load(path.read_text())
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    with tempfile.TemporaryDirectory() as folder:
        tls = ssl.create_default_context(cafile=_material(cluster, "certificate-authority", path, folder))
        certificate = _material(user, "client-certificate", path, folder)
        if certificate:
            tls.load_cert_chain(certificate, _material(user, "client-key", path, folder))
        headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
        with httpx.Client(base_url=cluster["server"], verify=tls, headers=headers, timeout=30, trust_env=False) as api:
            yield api


def _material(entry: Mapping[str, Any], name: str, kubeconfig: Path, folder: str) -> str | None:
    """The file of a certificate or key, written out where the kubeconfig holds it inline."""
    if entry.get(f"{name}-data"):
        file = Path(folder) / name
        file.touch(mode=0o600)
        file.write_bytes(base64.b64decode(entry[f"{name}-data"]))
        return str(file)
    return str(kubeconfig.parent / entry[name]) if entry.get(name) else None


def _address(cidr: str, key: str) -> ipaddress.IPv4Address:
    """An address of the subnet that follows from the key; the first ten are AWS's and the endpoints'."""
    network = ipaddress.IPv4Network(cidr)
    room = max(network.num_addresses - 12, 1)
    return network.network_address + 10 + int(hashlib.sha256(key.encode()).hexdigest(), 16) % room


def _resources(machine: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Capacity and allocatable as EKS's AMI computes them.

    Source: awslabs/amazon-eks-ami, nodeadm `internal/kubelet` (reserved CPU and memory, max pods).
    """
    cpus, memory = machine["VCpuInfo"]["DefaultVCpus"], machine["MemoryInfo"]["SizeInMiB"]
    network = machine["NetworkInfo"]
    addresses = network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2
    pods = min(addresses, 250 if cpus > 30 else 110)
    reserved_cpu = int(60 + 10 * (cpus > 1) + 5 * max(min(cpus, 4) - 2, 0) + 2.5 * max(cpus - 4, 0))
    usable = int(memory * 0.97)  # what the kernel leaves of the machine's memory
    devices = machine.get("GpuInfo", {}).get("Gpus", [])
    gpus = sum(device["Count"] for device in devices if device["Manufacturer"] == "NVIDIA")
    common = {"pods": str(pods), **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    capacity = {"cpu": str(cpus), "memory": f"{usable}Mi", "ephemeral-storage": "20Gi", **common}
    free_memory = usable - (255 + 11 * pods) - 100
    free = {"cpu": f"{cpus * 1000 - reserved_cpu}m", "memory": f"{free_memory}Mi", "ephemeral-storage": "18Gi"}
    return capacity, {**free, **common}
