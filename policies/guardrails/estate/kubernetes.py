"""What every namespace must have, and what only the gateway may do."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..access.gateway import envoy_documents, files, typed
from ..access.haproxy import asks_for_a_token, sections
from ..access.kubernetes import is_gateway
from ..findings import Resource, at, each, known
from ..pods import ENGINE, GATEWAY, ROLE, WORKLOAD_TYPES, engines, labels, pod_spec
from ..rules import Rule, rule
from ..stack import Stack

_NAMESPACE = "kubernetes:core/v1:Namespace"
_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
_CONFIG = "kubernetes:core/v1:ConfigMap"
_SERVICE = "kubernetes:core/v1:Service"
_SOURCE = "https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies"


@rule(
    _NAMESPACE,
    fix="Declare a NetworkPolicy with an empty podSelector, both policyTypes and no rules.",
    source=_SOURCE,
    severity="critical",
)
def estate_namespaces_deny_by_default(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every namespace denies all traffic that no policy allows."""
    denied = {_place(policy, "metadata.namespace") for policy in stack.of(_POLICY) if _denies_everything(policy)}
    sources = {
        source.urn
        for policy in stack.of(_POLICY)
        if _denies_everything(policy)
        for source in policy.sources.get("metadata", ())
        if source.type == _NAMESPACE
    }
    for namespace in stack.of(_NAMESPACE):
        if _place(namespace, "metadata.name") not in denied and namespace.urn not in sources:
            yield namespace, "it has no default-deny network policy"


def _place(resource: Resource, path: str) -> str | None:
    outer, _, key = path.rpartition(".")
    metadata = resource.get(outer)
    value = known(metadata, key) if isinstance(metadata, Mapping) else None
    return value if isinstance(value, str) else f"<unknown namespace of {resource.name}>"


def _denies_everything(policy: Resource) -> bool:
    spec = policy.get("spec") or {}
    selector = spec.get("podSelector")
    everyone = selector is None or not (selector.get("matchLabels") or selector.get("matchExpressions"))
    both = {"Ingress", "Egress"} <= set(spec.get("policyTypes") or ())
    return everyone and both and not spec.get("ingress") and not spec.get("egress")


@rule(
    *WORKLOAD_TYPES,
    fix="Declare the namespace in the same stack, with its label and its denials.",
    source=_SOURCE,
    severity="critical",
)
def estate_workloads_are_in_a_declared_namespace(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every workload runs in a namespace of the same stack, whose pods are restricted and whose traffic is denied."""
    declared = {_place(namespace, "metadata.name") for namespace in stack.of(_NAMESPACE)}
    for workload in _workloads(stack):
        proved = any(source.type == _NAMESPACE for source in workload.sources.get("metadata", ()))
        if _place(workload, "metadata.namespace") not in declared and not proved:
            yield workload, "its namespace is not declared in this stack"


def _workloads(stack: Stack) -> Iterator[Resource]:
    return (workload for token in WORKLOAD_TYPES for workload in stack.of(token))


def _is_engine(workload: Resource) -> bool:
    return any(True for _ in engines(workload)) or labels(workload).get(ROLE) == ENGINE


@rule(
    _SERVICE,
    fix="Publish the gateway; engines stay ClusterIP.",
    source="https://docs.vllm.ai/en/latest/usage/security.html",
    severity="critical",
)
def estate_engines_are_behind_the_gateway(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """No load balancer leads to an engine: callers go through the gateway, which asks for tokens."""
    workloads = [workload for workload in _workloads(stack) if _is_engine(workload)]
    for service in stack.of(_SERVICE):
        if service.get("spec.type") in (None, "ClusterIP") and not service.get("spec.externalIPs"):
            continue
        selector = service.get("spec.selector") or {}
        for workload in workloads:
            if _carries(workload, selector):
                yield service, f"it leads to the engine {workload.name}"


def _carries(workload: Resource, wanted: Mapping[str, Any]) -> bool:
    found = labels(workload)
    return all(found.get(key) == wanted[key] for key in wanted)


@rule(
    _POLICY,
    fix=f"Let `podSelector: {{matchLabels: {{{ROLE}: {GATEWAY}}}}}` call engines, and nobody else.",
    source="https://docs.vllm.ai/en/latest/usage/security.html",
    severity="critical",
)
def estate_engines_answer_the_gateway(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Whatever its port, an engine is called by the gateway's pods alone."""
    workloads = [workload for workload in _workloads(stack) if _is_engine(workload)]
    for policy in stack.of(_POLICY):
        selected = policy.get("spec.podSelector.matchLabels") or {}
        for workload in workloads:
            if not _carries(workload, selected):
                continue
            for path, entry in each(policy.props, "spec.ingress"):
                peers = [peer for _, peer in each(entry, "from")]
                if not peers or not all(is_gateway(peer) for peer in peers):
                    yield policy, f"{path} lets others than the gateway call the engine {workload.name}"


@rule(
    *WORKLOAD_TYPES,
    fix="Mount a ConfigMap of this stack whose configuration asks for tokens.",
    source="https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter",
    severity="critical",
)
def estate_gateway_is_configured_here(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """What runs as the gateway reads a configuration of the same stack that asks for tokens."""
    asking = {_place(config, "metadata.name") for config in stack.of(_CONFIG) if _asks(config)}
    for workload in _workloads(stack):
        if labels(workload).get(ROLE) != GATEWAY:
            continue
        mounted = {at(volume, "configMap.name") for _, volume in each(pod_spec(workload), "volumes")}
        if not mounted & asking:
            yield workload, "no ConfigMap that it mounts asks for tokens"


def _asks(config: Resource) -> bool:
    if any(True for _, document in envoy_documents(config) for _ in typed(document, "JwtAuthentication")):
        return True
    return any(asks_for_a_token(section) for _, text in files(config) for section in sections(text))


RULES: tuple[Rule, ...] = (
    estate_namespaces_deny_by_default,
    estate_workloads_are_in_a_declared_namespace,
    estate_engines_are_behind_the_gateway,
    estate_engines_answer_the_gateway,
    estate_gateway_is_configured_here,
)
