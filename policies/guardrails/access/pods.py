"""Pods of every kind: no privilege, no secret in a plain place, no back door in the engine."""

import re
from collections.abc import Iterator, Mapping

from ..findings import Resource, at, each, known, names
from ..pods import (
    CONTAINER_TYPES,
    GATEWAY,
    HOOKS,
    ROLE,
    WORKLOAD_TYPES,
    containers,
    engines,
    image_name,
    labels,
    listed,
    pod_path,
    pod_spec,
)
from ..rules import Rule, rule
from .secrets import holds_secret, looks_secret

_PODS = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
_VLLM = "https://docs.vllm.ai/en/latest/usage/security.html"
_KEY_FLAGS = ("--api-key", "--hf-token", "-hft", "--ssl-keyfile-password", "--admin-api-key", "--password", "--token")
# Headers that carry a caller's identity; a probe needs none.
_KEY_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"})
_GATEWAY_FLAGS = {
    "envoy": listed(
        "-c --config-path --concurrency --disable-hot-restart --drain-strategy --drain-time-s --log-format -l "
        "--log-level --parent-shutdown-time-s --reject-unknown-dynamic-fields --service-cluster --service-node"
    ),
    "haproxy": listed("-W -Ws -db -f -V -q"),
}
_GATEWAY_IMAGES = frozenset({"envoy", "haproxy", "registrar"})
_POD = listed(
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy "
    "enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname "
    "initContainers nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates "
    "resourceClaims resources restartPolicy runtimeClassName schedulingGates securityContext serviceAccount "
    "serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds "
    "tolerations topologySpreadConstraints volumes"
)
_CONTAINER = listed(
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe "
    "resizePolicy resources restartPolicy securityContext startupProbe stdin stdinOnce terminationMessagePath "
    "terminationMessagePolicy tty volumeMounts workingDir"
)
# By these other programs of the cluster add networks, containers or devices to a pod, or take protections away.
_ANNOTATIONS = re.compile(
    r"cni\.cncf\.io|multus|apparmor|seccomp|inject|pod-eni|cri-?o\b|containerd|runc|cdi\.k8s\.io|nri"
)
_POD_CONTEXT = listed(
    "appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser "
    "seccompProfile supplementalGroups supplementalGroupsPolicy"
)
_CONTEXT = listed(
    "allowPrivilegeEscalation appArmorProfile capabilities privileged readOnlyRootFilesystem runAsGroup "
    "runAsNonRoot runAsUser seccompProfile"
)


@rule(
    *WORKLOAD_TYPES,
    fix="Remove privileged, set allowPrivilegeEscalation: false and drop ALL capabilities.",
    source=_PODS,
    severity="critical",
)
def access_container_has_no_privilege(workload: Resource) -> Iterator[str]:
    """No container is privileged, gains privileges or keeps a capability."""
    for container in containers(workload):
        context = container.spec.get("securityContext") or {}
        if context.get("privileged"):
            yield f"{container.path}.securityContext.privileged is true"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{container.path}.securityContext.allowPrivilegeEscalation is not false"
        if list(each(context, "capabilities.add")):
            yield f"{container.path}.securityContext.capabilities.add is not empty"
        for path, mount in each(container.spec, "volumeMounts"):
            if mount.get("mountPropagation") not in (None, "None"):
                yield f"{container.path}.{path}.mountPropagation is {mount.get('mountPropagation')!r}"
        if "ALL" not in [value for _, value in each(context, "capabilities.drop")]:
            yield f"{container.path}.securityContext.capabilities.drop does not hold ALL"


@rule(
    *WORKLOAD_TYPES,
    fix="Set runAsNonRoot: true, readOnlyRootFilesystem: true and seccompProfile RuntimeDefault.",
    source=_PODS,
)
def access_container_is_confined(workload: Resource) -> Iterator[str]:
    """Every container runs as an ordinary user, on a read-only file system, with filtered system calls."""
    pod = pod_spec(workload).get("securityContext") or {}
    if pod.get("runAsUser") == 0:
        yield f"{pod_path(workload)}.securityContext.runAsUser is 0"
    for container in containers(workload):
        context = container.spec.get("securityContext") or {}
        if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            yield f"{container.path}: runAsNonRoot is not true"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{container.path}: readOnlyRootFilesystem is not true"
        profile = at(context, "seccompProfile.type") or at(pod, "seccompProfile.type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f"{container.path}: seccompProfile is {profile!r}"
        if context.get("runAsUser") == 0:
            yield f"{container.path}: runAsUser is 0"
        if "Unconfined" in (at(context, "appArmorProfile.type"), at(pod, "appArmorProfile.type")):
            yield f"{container.path}: appArmorProfile is 'Unconfined'"


@rule(*WORKLOAD_TYPES, fix="Remove the setting.", source=_PODS, severity="critical")
def access_pod_keeps_off_its_node(workload: Resource) -> Iterator[str]:
    """No pod sees its node's processes, memory or files, and its containers not each other's."""
    spec = pod_spec(workload)
    for key in ("hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(key):
            yield f"{pod_path(workload)}.{key} is true"
    for path, volume in each(spec, "volumes"):
        if volume.get("hostPath") is not None:
            yield f"{pod_path(workload)}.{path}.hostPath is set"


@rule(
    *WORKLOAD_TYPES,
    fix="Remove the setting, or add it to the rule's list together with a rule that guards it.",
    source="https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/",
)
def access_pod_says_nothing_unknown(workload: Resource) -> Iterator[str]:
    """A pod and its containers have no setting that no rule knows."""
    spec = pod_spec(workload)
    places = [
        (pod_path(workload), spec, _POD),
        (f"{pod_path(workload)}.securityContext", spec.get("securityContext") or {}, _POD_CONTEXT),
    ]
    for container in containers(workload):
        context = container.spec.get("securityContext") or {}
        places += [
            (container.path, container.spec, _CONTAINER),
            (f"{container.path}.securityContext", context, _CONTEXT),
        ]
    path = pod_path(workload).removesuffix("spec") + "metadata.annotations"
    for name in workload.get(path) or {}:
        if _ANNOTATIONS.search(str(name)):
            yield f"{path}.{name} changes how the pod is run"
    for path, settings, expected in places:
        for key in settings:
            if key not in expected and settings[key] not in (None, False, ""):
                yield f"{path}.{key} is set"


@rule(
    *WORKLOAD_TYPES,
    fix="Name a namespace of the stack's own.",
    source="https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/",
)
def access_workload_has_its_own_namespace(workload: Resource) -> Iterator[str]:
    """No workload runs in a namespace of the cluster's own, where other rules hold."""
    if not names(workload.get("metadata") or {}, "namespace"):
        yield "metadata.namespace is not given"
    name = known(workload.get("metadata") or {}, "namespace")
    if name == "default" or str(name).startswith("kube-"):
        yield f"metadata.namespace is {name!r}"


@rule(
    *WORKLOAD_TYPES,
    fix="Set automountServiceAccountToken: false.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
)
def access_pod_mounts_no_token(workload: Resource) -> Iterator[str]:
    """No pod holds a token for the API server unless it asks for one by name."""
    if pod_spec(workload).get("automountServiceAccountToken") is not False:
        yield f"{pod_path(workload)}.automountServiceAccountToken is not false"


@rule(
    *CONTAINER_TYPES,
    fix="Give it by secretKeyRef or as a mounted file.",
    source="https://kubernetes.io/docs/concepts/configuration/secret/",
    severity="critical",
)
def access_container_holds_no_plain_secret(resource: Resource) -> Iterator[str]:
    """No variable, argument, probe or hook holds a secret as plain text, and none comes from a ConfigMap."""
    for container in containers(resource):
        for name, value in container.environment.items():
            if looks_secret(name, value):
                yield f"{container.path}: variable {name} looks like a secret"
        for path, entry in each(container.spec, container.environment_of):
            if (
                isinstance(entry, Mapping)
                and at(entry, "valueFrom.configMapKeyRef") is not None
                and looks_secret(str(entry.get("name")), "?")
            ):
                yield f"{container.path}.{path}: variable {entry.get('name')} comes from a ConfigMap"
        for flag in _KEY_FLAGS:
            if container.flag(flag) is not None:
                yield f"{container.path}: {flag} is given as an argument"
        for path, words in ((container.path, container.words), *container.hooks):
            if holds_secret(" ".join(words)):
                yield f"{path}: an argument looks like a secret"
        for place in HOOKS:
            for path, header in each(container.spec, f"{place}.httpGet.httpHeaders"):
                if str(header.get("name")).lower() in _KEY_HEADERS:
                    yield f"{container.path}.{path}: header {header.get('name')} is given"


@rule(
    *WORKLOAD_TYPES,
    fix=f"Label only the gateway's own pods {ROLE}: {GATEWAY}; engines answer to that label.",
    source="https://kubernetes.io/docs/concepts/services-networking/network-policies/",
    severity="critical",
)
def access_gateway_label_is_the_gateways(workload: Resource) -> Iterator[str]:
    """Only the gateway's program, and what registers it, runs in pods with the gateway's label."""
    if labels(workload).get(ROLE) != GATEWAY:
        return
    for container in containers(workload):
        name = image_name(container.image)
        if name not in _GATEWAY_IMAGES or container.engine is not None:
            yield f"{container.path}: image {name!r} is not the gateway's"


@rule(
    *CONTAINER_TYPES,
    fix="Give the gateway its files by --config-path or -f, and flags of the rule's list.",
    source="https://www.envoyproxy.io/docs/envoy/latest/operations/cli",
    severity="critical",
)
def access_gateway_program_reads_its_files(resource: Resource) -> Iterator[str]:
    """Envoy and HAProxy take their configuration from the files that other rules read, not from an argument."""
    for container in containers(resource):
        name = image_name(known(container.spec, "image"))
        if name not in _GATEWAY_FLAGS:
            continue
        for word in container.words:
            flag = word.partition("=")[0]
            if flag.startswith("-") and flag not in _GATEWAY_FLAGS[name]:
                yield f"{container.path}: flag {flag if flag.startswith('--') else flag[:3]} is not listed"


@rule(*CONTAINER_TYPES, fix="Remove the variable or flag.", source=_VLLM, severity="critical")
def access_engine_has_no_back_door(resource: Resource) -> Iterator[str]:
    """No engine opens development, adapter-loading, profiling or tool endpoints."""
    for container in engines(resource):
        for name in ("VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_ALLOW_INSECURE_SERIALIZATION"):
            if container.environment.get(name, "0") not in ("0", "", "false"):
                yield f"{container.path}: {name} is set"
        for name in ("VLLM_TORCH_PROFILER_DIR",):
            if container.environment.get(name):
                yield f"{container.path}: {name} is set"
        for flag in ("--tool-server", "--enable-tokenizer-info-endpoint", "--allow-credentials", "--slots", "--props"):
            if container.flag(flag) is not None:
                yield f"{container.path}: {flag} is given"


RULES: tuple[Rule, ...] = (
    access_container_has_no_privilege,
    access_container_is_confined,
    access_pod_keeps_off_its_node,
    access_pod_says_nothing_unknown,
    access_workload_has_its_own_namespace,
    access_pod_mounts_no_token,
    access_container_holds_no_plain_secret,
    access_gateway_label_is_the_gateways,
    access_gateway_program_reads_its_files,
    access_engine_has_no_back_door,
)
