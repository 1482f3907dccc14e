"""Pods and NetworkPolicies of a serving plan, and the pods that every cluster has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any, Final

from components.network.reachability.model import Place
from components.network.reachability.pods import (
    Expression,
    NetworkPolicy,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Selector,
)
from components.network.reachability.references import References, Resource, UnreadablePlanError

POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
DEPLOYMENTS: Final = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:DaemonSet")
NAMESPACE: Final = "kubernetes:core/v1:Namespace"
NAME: Final = "app.kubernetes.io/name"
SYSTEM: Final = "kube-system"
DNS_LABELS: Final = {"k8s-app": "kube-dns"}
"""Of CoreDNS, whoever installs it. Source: Kubernetes, "Customizing DNS Service"."""


@dataclass(frozen=True, kw_only=True)
class ClusterPod:
    """A kind of pod, and what people call it."""

    pod: Pod
    title: str

    def at(self, place: Place) -> Place:
        """The pod with an address."""
        return replace(place, pod=self.pod)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What Kubernetes knows: role -> pod, policies, namespace -> labels."""

    pods: Mapping[str, ClusterPod]
    policies: tuple[NetworkPolicy, ...]
    namespaces: Mapping[str, Mapping[str, str]]


def read_cluster(serving: References, platform: References) -> Cluster:
    """Pods of the serving plan, one `gateway` and one `engine` where there is none, CoreDNS, and a stranger.

    Raises:
        UnreadablePlanError: a policy says something that is not understood here.
    """
    declared = list(_declared(serving))
    pods = dict(declared) or {
        role: ClusterPod(pod=Pod(namespace="inference", labels={NAME: role}), title=role)
        for role in ("gateway", "engine")
    }
    if any(add_on.inputs.get("addonName") == "coredns" for add_on in platform.of("aws:eks/addon:Addon")):
        pods["dns"] = ClusterPod(pod=Pod(namespace=SYSTEM, labels=DNS_LABELS), title="CoreDNS")
    pods["pod"] = ClusterPod(pod=Pod(namespace=SYSTEM, labels={}), title="any other pod")
    if declared:
        inside = declared[0][1].pod.namespace
        pods["stray"] = ClusterPod(pod=Pod(namespace=inside, labels={}), title="stray pod beside engines")
    namespaces = {pod.pod.namespace: {"kubernetes.io/metadata.name": pod.pod.namespace} for pod in pods.values()}
    for namespace in serving.of(NAMESPACE):
        metadata = namespace.inputs["metadata"]
        namespaces.setdefault(metadata["name"], {"kubernetes.io/metadata.name": metadata["name"]})
        namespaces[metadata["name"]] |= metadata.get("labels", {})
    return Cluster(
        pods=pods,
        policies=tuple(map(_policy, serving.of(POLICY))),
        namespaces=namespaces,
    )


def _declared(serving: References) -> Iterator[tuple[str, ClusterPod]]:
    """Role -> pod of every workload; engines get their model's name where there are several."""
    workloads = list(serving.of(*DEPLOYMENTS))
    names = [_labels(workload).get(NAME, workload.name) for workload in workloads]
    for workload, name in zip(workloads, names, strict=True):
        labels = _labels(workload)
        role = name if names.count(name) == 1 else f"{name}-{labels.get('app.kubernetes.io/instance', workload.name)}"
        containers = workload.inputs["spec"]["template"]["spec"]["containers"]
        ports = {
            str(port["name"]): int(port["containerPort"])
            for container in containers
            for port in container.get("ports", [])
            if "name" in port
        }
        namespace = str(workload.inputs["metadata"]["namespace"])
        yield (
            role,
            ClusterPod(pod=Pod(namespace=namespace, labels=labels, ports=ports), title=role.replace("-", " ", 1)),
        )


def _labels(workload: Resource) -> Mapping[str, str]:
    found: Mapping[str, str] = workload.inputs["spec"]["template"]["metadata"].get("labels", {})
    return found


def _policy(resource: Resource) -> NetworkPolicy:
    spec = resource.inputs["spec"]
    # Source: Kubernetes API reference, NetworkPolicySpec.policyTypes.
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return NetworkPolicy(
        name=resource.name,
        namespace=str(resource.inputs["metadata"]["namespace"]),
        selector=_selector(spec.get("podSelector", {})),
        ingress=_rules(resource.name, spec.get("ingress", []), "from") if "Ingress" in types else None,
        egress=_rules(resource.name, spec.get("egress", []), "to") if "Egress" in types else None,
    )


def _rules(name: str, declared: Sequence[Mapping[str, Any]], side: str) -> tuple[PolicyRule, ...]:
    return tuple(
        PolicyRule(
            peers=tuple(_peer(peer) for peer in rule.get(side) or []),
            ports=tuple(_port(name, port) for port in rule.get("ports") or []),
        )
        for rule in declared
    )


def _peer(peer: Mapping[str, Any]) -> PolicyPeer:
    if block := peer.get("ipBlock"):
        exceptions = tuple(IPv4Network(cidr) for cidr in block.get("except", []))
        return PolicyPeer(cidr=IPv4Network(block["cidr"]), exceptions=exceptions)
    return PolicyPeer(
        pods=_selector(peer["podSelector"]) if "podSelector" in peer else None,
        namespaces=_selector(peer["namespaceSelector"]) if "namespaceSelector" in peer else None,
    )


def _port(name: str, port: Mapping[str, Any]) -> PolicyPort:
    protocol = str(port.get("protocol", "TCP")).lower()
    if protocol not in ("tcp", "udp"):
        raise UnreadablePlanError(f"{name}: the analysis does not know protocol {protocol!r}")
    first = port.get("port")
    return PolicyPort(
        protocol="udp" if protocol == "udp" else "tcp",
        first=first if first is None or isinstance(first, str) else int(first),
        last=int(port["endPort"]) if "endPort" in port else None,
    )


def _selector(declared: Mapping[str, Any]) -> Selector:
    return Selector(
        labels=declared.get("matchLabels", {}),
        expressions=tuple(
            Expression(key=each["key"], operator=each["operator"], values=tuple(each.get("values", [])))
            for each in declared.get("matchExpressions", [])
        ),
    )
