"""The "restricted" pod security standard as a function, for what components plan."""

from collections.abc import Iterator, Mapping
from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: Mapping[str, Any]) -> Iterator[str]:
    """Every way in which a pod breaks the standard.

    Source: Kubernetes, "Pod Security Standards", level restricted (which includes baseline).
    """
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield key
    of_pod = pod.get("securityContext", {})
    for volume in pod.get("volumes", []):
        if kinds := set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']}: {kinds}"
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    for container in containers:
        name, context = container["name"], container.get("securityContext", {})
        if context.get("privileged"):
            yield f"{name}: privileged"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: may gain privileges"
        if context.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
            yield f"{name}: may be root"
        if context.get("runAsUser", of_pod.get("runAsUser")) == 0:
            yield f"{name}: is root"
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{name}: keeps capabilities"
        if set(context.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{name}: adds capabilities"
        profile = context.get("seccompProfile", of_pod.get("seccompProfile", {})).get("type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccomp {profile}"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name}: host port"
