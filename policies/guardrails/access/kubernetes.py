"""Kubernetes objects: restricted namespaces, narrow roles, no secret in a plain place."""

from collections.abc import Iterator

from ..findings import Resource, each
from ..rules import Rule, rule
from .secrets import VALUE, looks_secret

_RBAC = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"
_GROUP = "kubernetes:rbac.authorization.k8s.io/v1:"
_BINDINGS = (f"{_GROUP}ClusterRoleBinding", f"{_GROUP}RoleBinding")
_ROLES = (f"{_GROUP}ClusterRole", f"{_GROUP}Role")


@rule(
    "kubernetes:core/v1:Namespace",
    fix="Label it pod-security.kubernetes.io/enforce: restricted.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-admission/",
    severity="critical",
)
def access_namespace_is_restricted(namespace: Resource) -> Iterator[str]:
    """A namespace admits only pods of the restricted standard."""
    labels = namespace.get("metadata.labels") or {}
    level = labels.get("pod-security.kubernetes.io/enforce")
    if level != "restricted":
        yield f"pod-security.kubernetes.io/enforce is {level!r}"


@rule(*_BINDINGS, fix="Bind a service account to a role of its own.", source=_RBAC, severity="critical")
def access_binding_is_narrow(binding: Resource) -> Iterator[str]:
    """No role is bound to anonymous callers or whole groups of the system, and nobody becomes administrator."""
    if binding.get("roleRef.name") in ("cluster-admin", "admin", "edit", "system:masters"):
        yield f"roleRef.name is {binding.get('roleRef.name')!r}"
    for path, subject in each(binding.props, "subjects"):
        if str(subject.get("name")).startswith("system:"):
            yield f"{path}.name is {subject.get('name')!r}"


@rule(*_ROLES, fix="List verbs and resources.", source=_RBAC)
def access_cluster_role_lists_its_verbs(role: Resource) -> Iterator[str]:
    """A role lists its verbs and resources, and may neither escalate nor run commands in pods."""
    for path, entry in each(role.props, "rules"):
        for key in ("verbs", "resources", "apiGroups"):
            if "*" in [value for _, value in each(entry, key)]:
                yield f"{path}.{key} holds *"
        risky = {value for _, value in each(entry, "verbs")} & {"escalate", "bind", "impersonate"}
        if risky:
            yield f"{path}.verbs holds {', '.join(sorted(risky))}"
        if {value for _, value in each(entry, "resources")} & {"pods/exec", "pods/attach", "nodes/proxy"}:
            yield f"{path}.resources holds pods/exec, pods/attach or nodes/proxy"


@rule(
    "kubernetes:core/v1:ConfigMap",
    fix="Put it into Secrets Manager and mount it.",
    source="https://kubernetes.io/docs/concepts/configuration/configmap/",
    severity="critical",
)
def access_config_map_holds_no_secret(config: Resource) -> Iterator[str]:
    """A ConfigMap holds no secret."""
    data = config.get("data") or {}
    for key in data:
        value = data[key]
        text = value if isinstance(value, str) else ""
        # A key with a dot names a file: its name tells nothing about a value.
        named = "." not in str(key) and looks_secret(str(key), text)
        if named or VALUE.search(text):
            yield f"data.{key} looks like a secret"


@rule(
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    fix="Name the callers of every ingress rule.",
    source="https://kubernetes.io/docs/concepts/services-networking/network-policies/",
)
def access_network_policy_names_callers(policy: Resource) -> Iterator[str]:
    """Every ingress rule names who may call."""
    for path, entry in each(policy.props, "spec.ingress"):
        if not entry.get("from"):
            yield f"{path} has no `from`, so everybody may call"
        for place, peer in each(entry, "from"):
            selector = peer.get("namespaceSelector")
            if selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions")):
                yield f"{path}.{place}.namespaceSelector matches every namespace"


@rule(
    "kubernetes:core/v1:ServiceAccount",
    fix="Set automountServiceAccountToken to false.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
)
def access_service_account_mounts_no_token(account: Resource) -> Iterator[str]:
    """A service account's token is mounted into no pod by itself."""
    if account.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"


RULES: tuple[Rule, ...] = (
    access_namespace_is_restricted,
    access_binding_is_narrow,
    access_cluster_role_lists_its_verbs,
    access_config_map_holds_no_secret,
    access_network_policy_names_callers,
    access_service_account_mounts_no_token,
)
