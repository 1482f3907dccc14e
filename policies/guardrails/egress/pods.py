"""Pods of every kind: on the pod network, calling nothing outside."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..addresses import is_private_host, url_host
from ..findings import Resource, at, each
from ..pods import CONTAINER_TYPES, WORKLOAD_TYPES, containers, engines, pod_path, pod_spec
from ..rules import Rule, rule

_PODS = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
_VLLM = "https://docs.vllm.ai/en/latest/usage/security.html"
_NETWORK_VOLUMES = (
    "azureFile",
    "cephfs",
    "flexVolume",
    "glusterfs",
    "iscsi",
    "nfs",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
)
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "grpc_proxy"})


@rule(*WORKLOAD_TYPES, fix="Remove hostNetwork.", source=_PODS, severity="critical")
def egress_pod_is_on_the_pod_network(workload: Resource) -> Iterator[str]:
    """No pod uses its node's network, where network policies do not apply."""
    if pod_spec(workload).get("hostNetwork"):
        yield f"{pod_path(workload)}.hostNetwork is true"


@rule(*WORKLOAD_TYPES, fix="Publish by a Service.", source=_PODS)
def egress_pod_opens_no_host_port(workload: Resource) -> Iterator[str]:
    """No container opens a port of its node."""
    for container in containers(workload):
        for path, port in each(container.spec, "ports"):
            if port.get("hostPort"):
                yield f"{container.path}.{path}.hostPort is set"


@rule(
    *WORKLOAD_TYPES,
    fix="Leave names to the cluster's DNS.",
    source="https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/",
)
def egress_pod_keeps_cluster_names(workload: Resource) -> Iterator[str]:
    """No pod maps names to addresses itself or asks other name servers."""
    spec = pod_spec(workload)
    for key in ("hostAliases", "dnsConfig.nameservers"):
        if at(spec, key):
            yield f"{pod_path(workload)}.{key} is set"
    if spec.get("dnsPolicy") not in (None, "ClusterFirst"):
        yield f"{pod_path(workload)}.dnsPolicy is {spec.get('dnsPolicy')!r}"


@rule(
    *WORKLOAD_TYPES,
    fix="Leave `host` out: the kubelet then calls the pod.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
)
def egress_probe_calls_its_pod(workload: Resource) -> Iterator[str]:
    """Probes and hooks call the pod itself, not a host outside."""
    for container in containers(workload):
        for place in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop"):
            for kind in ("httpGet", "tcpSocket"):
                if at(container.spec, f"{place}.{kind}.host"):
                    yield f"{container.path}.{place}.{kind}.host is set"


@rule(
    *WORKLOAD_TYPES,
    "kubernetes:core/v1:PersistentVolume",
    fix="Use a claim, an emptyDir, a ConfigMap or a Secret.",
    source="https://kubernetes.io/docs/concepts/storage/volumes/",
)
def egress_volume_is_not_remote(resource: Resource) -> Iterator[str]:
    """No volume is on a file server named by the pod."""
    if resource.type in WORKLOAD_TYPES:
        sources: list[tuple[str, Mapping[str, Any]]] = list(each(pod_spec(resource), "volumes"))
    else:
        sources = [("spec", resource.get("spec") or {})]
    for path, volume in sources:
        for kind in _NETWORK_VOLUMES:
            if volume.get(kind) is not None:
                yield f"{path}.{kind} is set"


@rule(
    *CONTAINER_TYPES,
    fix="Remove the variable.",
    source="https://www.gnu.org/software/wget/manual/html_node/Proxies.html",
)
def egress_container_uses_no_proxy(resource: Resource) -> Iterator[str]:
    """No container sends its calls through a proxy outside."""
    for container in containers(resource):
        for name, value in container.environment.items():
            if name.lower() in _PROXIES and (value is None or not is_private_host(url_host(value), resource.estate)):
                yield f"{container.path}: {name} is set"


@rule(*CONTAINER_TYPES, fix="Send traces to a collector inside the cluster.", source=_VLLM)
def egress_traces_stay_inside(resource: Resource) -> Iterator[str]:
    """Traces and metrics go to a collector inside."""
    for container in containers(resource):
        target = container.flag("--otlp-traces-endpoint")
        targets = {"--otlp-traces-endpoint": target} if target is not None else {}
        targets |= {
            name: value
            for name, value in container.environment.items()
            if name.startswith("OTEL_EXPORTER_") and name.endswith("ENDPOINT") and value is not None
        }
        for name, value in targets.items():
            if not is_private_host(url_host(value), resource.estate):
                yield f"{container.path}: {name} leads outside"


@rule(
    *CONTAINER_TYPES,
    fix="Give --allowed-media-domains with a name that does not exist, such as none.invalid.",
    source=_VLLM,
)
def egress_engine_fetches_no_media(resource: Resource) -> Iterator[str]:
    """VLLM fetches no media that a prompt names: its list of allowed domains leads nowhere outside."""
    for container in engines(resource):
        if container.engine != "vllm":
            continue
        domains = container.flag("--allowed-media-domains")
        if not domains:
            yield f"{container.path}: --allowed-media-domains is not given"
        for domain in (domains or "").split(","):
            if domain and not domain.endswith(".invalid") and not is_private_host(domain, resource.estate):
                yield f"{container.path}: --allowed-media-domains holds {domain!r}"


@rule(
    *CONTAINER_TYPES,
    fix="Set VLLM_NO_USAGE_STATS=1 and DO_NOT_TRACK=1.",
    source="https://docs.vllm.ai/en/latest/usage/usage_stats.html",
)
def egress_engine_reports_nothing(resource: Resource) -> Iterator[str]:
    """VLLM sends no usage statistics."""
    for container in engines(resource):
        if container.engine != "vllm":
            continue
        for name in ("VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"):
            if container.environment.get(name) != "1":
                yield f"{container.path}: {name} is not 1"


RULES: tuple[Rule, ...] = (
    egress_pod_is_on_the_pod_network,
    egress_pod_opens_no_host_port,
    egress_pod_keeps_cluster_names,
    egress_probe_calls_its_pod,
    egress_volume_is_not_remote,
    egress_container_uses_no_proxy,
    egress_traces_stay_inside,
    egress_engine_fetches_no_media,
    egress_engine_reports_nothing,
)
