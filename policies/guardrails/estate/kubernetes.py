"""What every namespace must have, and what only the gateway may do."""

from collections.abc import Iterator, Mapping

from ..findings import Resource, known
from ..pods import WORKLOAD_TYPES, engines, labels
from ..rules import Rule, rule
from ..stack import Stack

_NAMESPACE = "kubernetes:core/v1:Namespace"
_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
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
    _SERVICE,
    fix="Publish the gateway; engines stay ClusterIP.",
    source="https://docs.vllm.ai/en/latest/usage/security.html",
    severity="critical",
)
def estate_engines_are_behind_the_gateway(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """No load balancer leads to an engine: callers go through the gateway, which asks for tokens."""
    workloads = [
        workload for token in WORKLOAD_TYPES for workload in stack.of(token) if any(True for _ in engines(workload))
    ]
    for service in stack.of(_SERVICE):
        if service.get("spec.type") not in ("LoadBalancer", "NodePort"):
            continue
        selector = service.get("spec.selector") or {}
        for workload in workloads:
            found = labels(workload)
            if all(found.get(key) == selector[key] for key in selector):
                yield service, f"it leads to the engine {workload.name}"


RULES: tuple[Rule, ...] = (estate_namespaces_deny_by_default, estate_engines_are_behind_the_gateway)
