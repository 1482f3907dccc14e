"""Pods of every kind: on the pod network, calling nothing outside."""

import re
from collections.abc import Iterator

from ..addresses import is_private_host, url_host
from ..arns import is_own_bucket
from ..findings import Resource, at, each, known
from ..owner import Estate
from ..pods import CONTAINER_TYPES, HOOKS, WORKLOAD_TYPES, containers, engines, listed, pod_path, pod_spec
from ..rules import Rule, rule

_PODS = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
_VLLM = "https://docs.vllm.ai/en/latest/usage/security.html"
# A pod's volumes are of the pod, of the cluster or of the platform; a persistent one is an own bucket or disk.
_VOLUMES = frozenset({"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"})
_PERSISTENT = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "csi",
        "local",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeMode",
    }
)
_DRIVERS = frozenset({"s3.csi.aws.com", "ebs.csi.aws.com"})
# Where nodes have the weights on their local disks; what else a host has is nobody's volume.
_NODE_CACHE = "/mnt/cloister"
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s\"',;)}\]]+", re.IGNORECASE)
_PLACE = re.compile(
    r"(^|_)(ENDPOINT|HOST|HOSTNAME|SERVER|SERVERS|PROXY|URL|URI|ADDR|ADDRESS|DSN|BROKERS?|COLLECTOR|REGISTRY|MIRROR"
    r"|UPSTREAM|BASE)$",
    re.IGNORECASE,
)
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+(:\d+)?(/\S*)?")
_TUNNELS = listed(
    "3proxy SimpleHTTPServer autossh bore chisel cloudflared dns2tcp dnscat dnscat2 dropbear frpc frps gost "
    "http.server hysteria inlets iodine iodined kubectl localtunnel microsocks mitmdump mitmproxy nc ncat "
    "nebula netbird netcat ngrok openvpn pagekite proxychains proxychains4 rathole redsocks rsync scp sftp "
    "shadowsocks sing-box socat squid ss-local ss-server ssh sshd stunnel stunnel4 tailscale tailscaled "
    "telebit teleport telnet telnetd tinyproxy tor torsocks twingate v2ray wg wg-quick wireguard wireguard-go "
    "wstunnel xray zerotier-cli zerotier-one zrok"
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
            for key in ("hostPort", "hostIP"):
                if port.get(key):
                    yield f"{container.path}.{path}.{key} is set"


@rule(
    *WORKLOAD_TYPES,
    fix="Leave names to the cluster's DNS.",
    source="https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/",
)
def egress_pod_keeps_cluster_names(workload: Resource) -> Iterator[str]:
    """No pod maps names to addresses itself or asks other name servers."""
    spec = pod_spec(workload)
    for key in ("hostAliases", "dnsConfig.nameservers", "dnsConfig.searches"):
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
        for place in HOOKS:
            for kind in ("httpGet", "tcpSocket"):
                if at(container.spec, f"{place}.{kind}.host"):
                    yield f"{container.path}.{place}.{kind}.host is set"


@rule(
    *WORKLOAD_TYPES,
    "kubernetes:core/v1:PersistentVolume",
    fix="Use a claim, an emptyDir, a ConfigMap or a Secret; for a persistent volume S3's or EBS's driver, or "
    "the folder /mnt/cloister of local disks.",
    source="https://kubernetes.io/docs/concepts/storage/volumes/",
)
def egress_volume_is_not_remote(resource: Resource) -> Iterator[str]:
    """A pod's volumes are its own or a claim's, and a persistent volume is an own bucket, disk or folder of weights."""
    if resource.type in WORKLOAD_TYPES:
        for path, volume in each(pod_spec(resource), "volumes"):
            for kind in volume:
                if kind != "name" and kind not in _VOLUMES and volume[kind] is not None:
                    yield f"{pod_path(resource)}.{path}.{kind} is set"
        return
    spec = resource.get("spec") or {}
    for kind in spec:
        if kind not in _PERSISTENT and spec[kind]:
            yield f"spec.{kind} is set"
    driver, folder = at(spec, "csi.driver"), at(spec, "local.path")
    if spec.get("local") is not None and folder != _NODE_CACHE:
        yield f"spec.local.path is {folder!r}"
    if driver not in _DRIVERS and (driver is not None or folder is None):
        yield f"spec.csi.driver is {driver!r}"


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


@rule(
    *CONTAINER_TYPES,
    fix="Name hosts of the cluster, the VPC or a peer, and own buckets.",
    source="https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
    severity="critical",
)
def egress_container_names_places_inside(resource: Resource) -> Iterator[str]:
    """No variable, argument, probe or hook of a container names a host or bucket outside."""
    for container in containers(resource):
        for name, value in container.environment.items():
            places = [*_URL.finditer(value or "")]
            outside = any(not _leads_inside(found, resource.estate) for found in places)
            if not places and value and _PLACE.search(name) and _HOST.fullmatch(value):
                outside = not is_private_host(url_host(value), resource.estate)
            if outside:
                yield f"{container.path}: {name} leads outside"
        for path, words in ((container.path, container.words), *container.hooks):
            named = any(not _leads_inside(found, resource.estate) for word in words for found in _URL.finditer(word))
            if named or any(not is_private_host(url_host(place), resource.estate) for place in _places(words)):
                yield f"{path}: an argument leads outside"


def _places(words: tuple[str, ...]) -> Iterator[str]:
    """The hosts that flags such as --endpoint or --remote-host name without a scheme."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if not equals and index + 1 < len(words):
            value = words[index + 1]
        flag = name.lstrip("-").replace("-", "_")
        if name.startswith("-") and _PLACE.search(flag) and _HOST.fullmatch(value) and url_host(value) != "0.0.0.0":
            yield value


def _leads_inside(found: re.Match[str], estate: Estate) -> bool:
    scheme, host = found.group(1).lower(), url_host(found.group(0))
    if scheme in ("s3", "s3a", "s3n"):
        return is_own_bucket(host, estate)
    return scheme not in ("gs", "az", "abfs", "abfss", "wasb", "hf") and is_private_host(host, estate)


@rule(
    *CONTAINER_TYPES,
    fix="Remove it: whoever needs a way to a pod goes through the gateway or the private runner.",
    source="https://attack.mitre.org/techniques/T1572/",
    severity="critical",
)
def egress_container_opens_no_tunnel(resource: Resource) -> Iterator[str]:
    """No container runs a tunnel, a relay or a server beside its own."""
    for container in containers(resource):
        image = str(known(container.spec, "image") or "").partition("@")[0]
        names = set(re.split(r"[/:]", image))
        for words in (container.words, *(words for _, words in container.hooks)):
            # A flag's value may have any name; what follows `--` or `-m` is a program again.
            values = {index + 1 for index, word in enumerate(words) if word[:1] == "-" and word not in ("--", "-m")}
            names |= {word.rpartition("/")[2] for index, word in enumerate(words) if index not in values}
        for name in sorted(names & _TUNNELS):
            yield f"{container.path} runs {name}"


@rule(*CONTAINER_TYPES, fix="Send traces to a collector inside the cluster.", source=_VLLM)
def egress_traces_stay_inside(resource: Resource) -> Iterator[str]:
    """Traces and metrics go to a collector inside."""
    for container in containers(resource):
        target = container.flag("--otlp-traces-endpoint")
        targets: dict[str, str | None] = {} if target is None else {"--otlp-traces-endpoint": target}
        targets |= {
            name: value
            for name, value in container.environment.items()
            if name.startswith("OTEL_EXPORTER_") and name.endswith("ENDPOINT")
        }
        for name, value in targets.items():
            if value is None or not is_private_host(url_host(value), resource.estate):
                yield f"{container.path}: {name} leads outside"


@rule(
    *CONTAINER_TYPES,
    fix="Give --allowed-media-domains with a name that does not exist, such as none.invalid.",
    source=_VLLM,
)
def egress_engine_fetches_no_media(resource: Resource) -> Iterator[str]:
    """VLLM fetches no media that a prompt names: its list of allowed domains leads nowhere, not even inside."""
    for container in engines(resource):
        if container.engine != "vllm":
            continue
        domains = container.flag("--allowed-media-domains")
        if not domains:
            yield f"{container.path}: --allowed-media-domains is not given"
        for domain in (domains or "").split(","):
            if domain and not domain.endswith(".invalid"):
                yield f"{container.path}: --allowed-media-domains holds {domain!r}"
        if container.environment.get("VLLM_MEDIA_URL_ALLOW_REDIRECTS", "0") != "0":
            yield f"{container.path}: VLLM_MEDIA_URL_ALLOW_REDIRECTS is not 0"


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
    egress_container_names_places_inside,
    egress_container_opens_no_tunnel,
    egress_traces_stay_inside,
    egress_engine_fetches_no_media,
    egress_engine_reports_nothing,
)
