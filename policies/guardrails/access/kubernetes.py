"""Kubernetes objects: restricted namespaces, narrow roles, no secret in a plain place, one way to an engine."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..addresses import is_private_host, url_host
from ..findings import HIDDEN, Resource, at, each, first_key, known, names
from ..pods import ENGINE_PORT, GATEWAY, ROLE, texts
from ..rules import Rule, rule
from ..types import MANAGED_ENDPOINT
from .secrets import holds_secret, looks_secret

_RBAC = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"
_GROUP = "kubernetes:rbac.authorization.k8s.io/v1:"
_BINDINGS = (f"{_GROUP}ClusterRoleBinding", f"{_GROUP}RoleBinding")
_ROLES = (f"{_GROUP}ClusterRole", f"{_GROUP}Role")
_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
_SERVICE = "kubernetes:core/v1:Service"
_CONFIG = "kubernetes:core/v1:ConfigMap"
_SECRET = "kubernetes:core/v1:Secret"
_ADMISSION = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
_NETWORK_POLICIES = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
_READS = frozenset({"get", "list", "watch"})
# What may be written besides: a lease or an event changes nothing, and one ConfigMap is written if it is named.
_WRITABLE = frozenset({"leases", "events"})
_WRITABLE_BY_NAME = frozenset({"configmaps", "leases", "events"})
_OPEN_URLS = frozenset({"/metrics", "/healthz", "/livez", "/readyz", "/version"})
# Programs that make EKS tokens, with the word that has them do so.
_LOGINS = {"aws": "get-token", "cloister": "kubernetes-token"}
_LOGIN_VARIABLES = frozenset({"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS"})
_POWERFUL_ROLES = frozenset({"cluster-admin", "admin", "edit"})


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
    version = labels.get("pod-security.kubernetes.io/enforce-version", "latest")
    if version != "latest":
        yield f"pod-security.kubernetes.io/enforce-version is {version!r}, whose standard may be an older one"


@rule(*_BINDINGS, fix="Bind a service account to a role of its own.", source=_RBAC, severity="critical")
def access_binding_is_narrow(binding: Resource) -> Iterator[str]:
    """No role is bound to anonymous callers or whole groups of the system, and nobody becomes administrator."""
    role = str(binding.get("roleRef.name"))
    if role in _POWERFUL_ROLES or role.startswith(("system:", "eks:")):
        yield f"roleRef.name is {role!r}"
    for path, subject in each(binding.props, "subjects"):
        name = str(subject.get("name"))
        if name.startswith("system:") or "*" in name:
            yield f"{path}.name is {name!r}"
        if subject.get("kind") == "ServiceAccount" and name == "default":
            yield f"{path}.name is 'default', the account of every pod that names none"


@rule(*_ROLES, fix="List verbs and resources, and name what may be written.", source=_RBAC, severity="critical")
def access_cluster_role_lists_its_verbs(role: Resource) -> Iterator[str]:
    """A role lists what it reads, writes only what is harmless or named, and reads no secret."""
    for path, entry in each(role.props, "rules"):
        verbs = {str(verb) for _, verb in each(entry, "verbs")}
        resources = {str(kind) for _, kind in each(entry, "resources")}
        for key in ("verbs", "resources", "apiGroups"):
            if any("*" in str(value) for _, value in each(entry, key)):
                yield f"{path}.{key} holds *"
        for kind in sorted(resources):
            if kind == "secrets" or kind.endswith(("/proxy", "/exec", "/attach", "/portforward", "/token")):
                yield f"{path}.resources holds {kind}"
        writes = verbs - _READS - {"*"}
        allowed = _WRITABLE_BY_NAME if list(each(entry, "resourceNames")) else _WRITABLE
        if writes and resources - allowed:
            yield f"{path}: {', '.join(sorted(writes))} of {', '.join(sorted(resources - allowed))} is not reading"
        urls = {str(url) for _, url in each(entry, "nonResourceURLs")}
        if urls - _OPEN_URLS or (urls and verbs - {"get", "head"}):
            yield f"{path}.nonResourceURLs holds {', '.join(sorted(urls))}"


@rule(*_ROLES, fix="Write the rules into the role itself.", source=_RBAC, severity="critical")
def access_role_is_not_aggregated(role: Resource) -> Iterator[str]:
    """A role neither collects the rules of others nor adds its own to the roles of the system."""
    if role.get("aggregationRule"):
        yield "aggregationRule is set"
    for label in role.get("metadata.labels") or {}:
        if "/aggregate-to-" in str(label):
            yield f"metadata.labels.{label} is set"


@rule(
    _CONFIG,
    fix="Put it into Secrets Manager and mount it.",
    source="https://kubernetes.io/docs/concepts/configuration/configmap/",
    severity="critical",
)
def access_config_map_holds_no_secret(config: Resource) -> Iterator[str]:
    """A ConfigMap holds no secret, as text or as base64."""
    data, binary = config.get("data") or {}, config.get("binaryData") or {}
    texts = {f"data.{key}": (str(key), data[key]) for key in data}
    texts |= {f"binaryData.{key}": (str(key), _decoded(binary[key])) for key in binary}
    for path, (name, value) in texts.items():
        text = value if isinstance(value, str) else ""
        # A key with a dot names a file: its name tells nothing about a value.
        named = "." not in name and looks_secret(name, text)
        if named or holds_secret(text):
            yield f"{path} looks like a secret"


def _decoded(value: Any) -> str:
    return base64.b64decode(str(value)).decode("utf-8", errors="replace")


@rule(
    "kubernetes:*",
    "docker:*",
    MANAGED_ENDPOINT,
    fix="Put it into Secrets Manager; what is written here is kept in the state and shown by the API.",
    source="https://kubernetes.io/docs/concepts/security/secrets-good-practices/",
    severity="critical",
)
def access_object_holds_no_secret(resource: Resource) -> Iterator[str]:
    """No field of an object but a Secret's data looks like a secret: no label, annotation, file or option."""
    for path, text in texts(resource.props):
        # A Secret's data may be secret, and a ConfigMap's is read as it is written by a rule of its own.
        if resource.type in (_SECRET, _CONFIG) and first_key(path) in ("data", "stringData", "binaryData"):
            continue
        if holds_secret(text):
            yield f"{path} looks like a secret"


@rule(
    _SECRET,
    fix="Mount a short-lived token or a secret of Secrets Manager; keep it in its namespace.",
    source="https://kubernetes.io/docs/concepts/configuration/secret/",
    severity="critical",
)
def access_secret_stays_where_it_is(secret: Resource) -> Iterator[str]:
    """A Secret is copied to no other namespace and is no token that lasts for ever."""
    if str(secret.get("type")) in ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"):
        yield f"type is {secret.get('type')!r}"
    for name in secret.get("metadata.annotations") or {}:
        if any(sign in str(name) for sign in ("replicat", "reflect", "kubed", "config-syncer")):
            yield f"metadata.annotations.{name} has it copied"


@rule(_POLICY, fix="Name the callers of every ingress rule.", source=_NETWORK_POLICIES)
def access_network_policy_names_callers(policy: Resource) -> Iterator[str]:
    """Every ingress rule names who may call."""
    for path, entry in each(policy.props, "spec.ingress"):
        if not entry.get("from"):
            yield f"{path} has no `from`, so everybody may call"
        for place, peer in each(entry, "from"):
            for problem in loose_selectors(peer):
                yield f"{path}.{place}.{problem}"


def loose_selectors(peer: Mapping[str, Any]) -> Iterator[str]:
    """What makes a peer of a network policy mean everybody: no label that must be there."""
    chosen = 0
    for key in ("namespaceSelector", "podSelector"):
        selector = peer.get(key)
        if selector is None:
            continue
        required = bool(selector.get("matchLabels")) or any(
            expression.get("operator") == "In" for _, expression in each(selector, "matchExpressions")
        )
        chosen += required
        if not required and key == "namespaceSelector":
            yield f"{key} matches every namespace"
        elif not required and not chosen:
            yield f"{key} matches every pod"


@rule(
    _POLICY,
    fix=f"Let the engine's port be called by `podSelector: {{matchLabels: {{{ROLE}: {GATEWAY}}}}}` alone.",
    source="https://docs.vllm.ai/en/latest/usage/security.html",
    severity="critical",
)
def access_network_policy_shows_engines_to_the_gateway(policy: Resource) -> Iterator[str]:
    """Only the gateway's pods, in the same namespace, may call the port that engines listen on."""
    if (at(policy.props, "spec.podSelector.matchLabels") or {}).get(ROLE) == GATEWAY:
        return
    for path, entry in each(policy.props, "spec.ingress"):
        ports = [port for _, port in each(entry, "ports")]
        if ports and not any(_holds_engine_port(port) for port in ports):
            continue
        for place, peer in each(entry, "from"):
            if not is_gateway(peer):
                yield f"{path}.{place} may call port {ENGINE_PORT} and is not the gateway"


def _holds_engine_port(port: Mapping[str, Any]) -> bool:
    first, last = port.get("port"), port.get("endPort")
    if isinstance(first, str) and not first.isdigit():
        return True
    return first is None or int(first) <= ENGINE_PORT <= int(last or first)


def is_gateway(peer: Mapping[str, Any]) -> bool:
    """Whether a peer of a network policy is the gateway of the same namespace and nothing else."""
    given = {key for key in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(key) is not None}
    selected = at(peer, "podSelector.matchLabels")
    return given == {"podSelector"} and selected is not None and selected.get(ROLE) == GATEWAY


@rule(
    _SERVICE,
    fix=f"Publish the gateway: `selector: {{{ROLE}: {GATEWAY}}}`.",
    source="https://kubernetes.io/docs/concepts/services-networking/service/",
    severity="critical",
)
def access_service_publishes_the_gateway(service: Resource) -> Iterator[str]:
    """A Service leads to pods that it selects, and one that is published to the gateway."""
    selector = service.get("spec.selector") or {}
    kind = service.get("spec.type") or "ClusterIP"
    if kind != "ExternalName" and not selector:
        yield "spec.selector is empty, so somebody else says where it leads"
    if kind not in ("ClusterIP", "ExternalName") and selector.get(ROLE) != GATEWAY:
        yield f"spec.type is {kind!r} and spec.selector.{ROLE} is {selector.get(ROLE)!r}"


@rule(
    _ADMISSION,
    f"{_ADMISSION}Binding",
    fix="Set failurePolicy: Fail, and validationActions to Deny.",
    source="https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/",
)
def access_admission_policy_denies(policy: Resource) -> Iterator[str]:
    """An admission policy refuses what breaks it and what it cannot judge."""
    if policy.type == _ADMISSION:
        if policy.get("spec.failurePolicy") not in (None, "Fail"):
            yield f"spec.failurePolicy is {policy.get('spec.failurePolicy')!r}"
        if not list(each(policy.props, "spec.validations")):
            yield "spec.validations is empty"
    elif "Deny" not in [action for _, action in each(policy.props, "spec.validationActions")]:
        yield "spec.validationActions does not hold Deny"


@rule(
    "pulumi:providers:kubernetes",
    fix="Give a kubeconfig that names an own cluster's private host and logs in by `aws eks get-token` or `cloister`.",
    source="https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins",
    severity="critical",
)
def access_cluster_login_is_plain(provider: Resource) -> Iterator[str]:
    """A Kubernetes provider talks to a cluster inside, logs in by a known program, and writes no Secret to a disk."""
    if names(provider.props, "renderYamlToDirectory"):
        yield "renderYamlToDirectory is set, so Secrets would be written out in plain text"
    config = known(provider.props, "kubeconfig")
    if not config or config == HIDDEN:
        return
    parsed = config if isinstance(config, Mapping) else yaml.safe_load(config)
    for path, entry in each(parsed, "clusters"):
        host = url_host(str(at(entry, "cluster.server")))
        if not is_private_host(host, provider.estate):
            yield f"{path}.cluster.server {host!r} is not inside"
    for path, entry in each(parsed, "users"):
        login = at(entry, "user.exec")
        if login is None:
            continue
        words = [str(word) for _, word in each(login, "args")]
        if _LOGINS.get(login.get("command")) not in words:
            yield f"{path}.user.exec.command is {login.get('command')!r}, not one that makes EKS tokens"
        variables = sorted({str(variable.get("name")) for _, variable in each(login, "env")} - _LOGIN_VARIABLES)
        if variables or "--endpoint-url" in words or "--no-verify-ssl" in words:
            yield f"{path}.user.exec sets {', '.join(variables) or 'where it logs in'}"


@rule(
    "kubernetes:core/v1:ServiceAccount",
    fix="Set automountServiceAccountToken to false.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
)
def access_service_account_mounts_no_token(account: Resource) -> Iterator[str]:
    """A service account's token is mounted into no pod by itself."""
    if account.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    for key in ("secrets", "imagePullSecrets"):
        if list(each(account.props, key)):
            yield f"{key} is not empty"


RULES: tuple[Rule, ...] = (
    access_cluster_login_is_plain,
    access_namespace_is_restricted,
    access_binding_is_narrow,
    access_cluster_role_lists_its_verbs,
    access_role_is_not_aggregated,
    access_config_map_holds_no_secret,
    access_object_holds_no_secret,
    access_secret_stays_where_it_is,
    access_network_policy_names_callers,
    access_network_policy_shows_engines_to_the_gateway,
    access_service_publishes_the_gateway,
    access_admission_policy_denies,
    access_service_account_mounts_no_token,
)
