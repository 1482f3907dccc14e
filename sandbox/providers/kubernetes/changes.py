"""What differs between two objects, and which differences need a new object."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.kubernetes.api import Object

# What the server writes and no person declares.
_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")

_CONTAINER = (
    r"args|command|env|image|imagePullPolicy|lifecycle|livenessProbe|ports|readinessProbe|resources|securityContext|"
    r"stdin|stdinOnce|terminationMessagePath|terminationMessagePolicy|tty|volumeDevices|volumeMounts|workingDir"
)
_POD = (
    r"affinity|automountServiceAccountToken|dnsConfig|dnsPolicy|enableServiceLinks|hostAliases|hostIPC|hostNetwork|"
    r"hostPID|hostname|imagePullSecrets|nodeName|nodeSelector|overhead|preemptionPolicy|priority|priorityClassName|"
    r"readinessGates|restartPolicy|runtimeClassName|schedulerName|securityContext|serviceAccount|serviceAccountName|"
    r"shareProcessNamespace|subdomain|terminationGracePeriodSeconds|volumes"
)
_VOLUME = (
    r"awsElasticBlockStore|azureDisk|azureFile|cephfs|cinder|csi|fc|flexVolume|flocker|gcePersistentDisk|glusterfs|"
    r"hostPath|iscsi|local|nfs|photonPersistentDisk|portworxVolume|quobyte|rbd|scaleIO|storageos|vsphereVolume"
)
_BINDING = r"roleRef"
_STATEFUL_SET = r"spec\.(podManagementPolicy|revisionHistoryLimit|selector|serviceName|volumeClaimTemplates)"

# The official plugin's list (pulumi-kubernetes, provider/pkg/provider/diff.go): kind -> paths that force a new object.
_FORCE_NEW = {
    "apps/v1:DaemonSet": r"spec\.selector",
    "apps/v1:Deployment": r"spec\.selector",
    "apps/v1:StatefulSet": _STATEFUL_SET,
    "batch/v1:Job": r"spec\.(completions|parallelism|selector|template)",
    "rbac.authorization.k8s.io/v1:ClusterRoleBinding": _BINDING,
    "rbac.authorization.k8s.io/v1:RoleBinding": _BINDING,
    "storage.k8s.io/v1:StorageClass": r"parameters|provisioner",
    "v1:ConfigMap": r"binaryData|data",
    "v1:PersistentVolume": rf"spec\.({_VOLUME})",
    "v1:PersistentVolumeClaim": r"spec",
    "v1:Pod": rf"spec\.({_POD}|(containers|initContainers)\[\d+\]\.({_CONTAINER}))",
    "v1:ResourceQuota": r"spec\.scopes",
    "v1:Secret": r"type|stringData|data",
    "v1:Service": r"spec\.clusterIP",
}
_ALWAYS = r"metadata\.(name|namespace)"


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each path that differs and how: "add", "delete" or "update"."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            here = f"{path}{_segment(key)}" if path else str(key) if _plain(key) else _segment(key)
            if before.get(key) is None and after.get(key) is None:
                continue
            if before.get(key) is None:
                yield here, "add"
            elif after.get(key) is None:
                yield here, "delete"
            else:
                yield from differences(before[key], after[key], here)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            here = f"{path}[{index}]"
            if index >= len(before):
                yield here, "add"
            elif index >= len(after):
                yield here, "delete"
            else:
                yield from differences(before[index], after[index], here)
    elif before != after:
        yield path, "update"


def declared(live: Mapping[str, Any]) -> Object:
    """The part of an object that a person can declare: no status, nothing that only the server writes."""
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key not in _SERVER_METADATA}
    return {**{key: value for key, value in live.items() if key not in ("status", "metadata")}, "metadata": metadata}


def applied(inputs: Mapping[str, Any]) -> Object:
    """What is sent to the server: without the engine's own keys and with a Secret's stringData as data.

    Server-side apply does not own what `stringData` becomes, so it could never be removed again.
    """
    wanted = {key: value for key, value in inputs.items() if not key.startswith("__") and key != "status"}
    if (wanted["apiVersion"], wanted["kind"]) == ("v1", "Secret") and "stringData" in wanted:
        text = wanted.pop("stringData") or {}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        wanted["data"] = {**(wanted.get("data") or {}), **encoded}
    return wanted


def forces_new(api_version: str, kind: str, path: str, *, mutable_data: bool) -> bool:
    """Whether a change at the path needs a new object.

    Args:
        api_version: the object's.
        kind: the object's.
        path: as `differences` yields it.
        mutable_data: the provider lets data of ConfigMaps or Secrets change in place.
    """
    paths = _FORCE_NEW.get(f"{api_version}:{kind}", "")
    if mutable_data and (api_version, kind) in (("v1", "ConfigMap"), ("v1", "Secret")):
        paths = "type" if kind == "Secret" else ""
    pattern = f"(?:{_ALWAYS}|{paths})" if paths else _ALWAYS
    return re.match(rf"{pattern}(?:[.\[]|$)", path) is not None


def with_live_values(wanted: Object, live: Mapping[str, Any], paths: list[str]) -> Object:
    """The object with the live values at the ignored paths, so that applying it takes nothing from another manager.

    Args:
        wanted: what is to be applied.
        live: what is there.
        paths: of `ignoreChanges`, such as "spec.replicas".
    """
    for path in paths:
        keys = path.split(".")
        wanted = _with_live_value(wanted, live, keys)
    return wanted


def _with_live_value(wanted: Any, live: Any, keys: list[str]) -> Any:
    if not isinstance(wanted, Mapping) or not isinstance(live, Mapping) or keys[0] not in wanted:
        return wanted
    if keys[0] not in live:
        return wanted
    if len(keys) == 1:
        return {**wanted, keys[0]: live[keys[0]]}
    return {**wanted, keys[0]: _with_live_value(wanted[keys[0]], live[keys[0]], keys[1:])}


def _plain(key: str) -> bool:
    return re.fullmatch(r"[A-Za-z_$][\w$]*", key) is not None


def _segment(key: str) -> str:
    return f".{key}" if _plain(key) else f'["{key}"]'
