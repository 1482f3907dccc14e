"""When an object is live: each function says what is still missing, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.providers.kubernetes.api import Api, ApiError, Object, UnknownKindError

DEFAULT_SECONDS = 600.0
_SHOWN_EVENTS = 3


class FailedError(Exception):
    """The object failed for good; waiting longer is of no use."""


def missing(api: Api, live: Object) -> str | None:
    """What the object still lacks to be live; None when it is.

    Raises:
        FailedError: it will never be.
    """
    if live["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true":
        return None
    check = _CHECKS.get(f"{live['apiVersion']}:{live['kind']}")
    return check(api, live) if check else None


def reasons(api: Api, live: Object) -> list[str]:
    """The latest warnings about the object and what it made (ReplicaSets, pods), newest first.

    What belongs to an object is told by its name's beginning, as Kubernetes' own controllers form names.
    """
    name, namespace = live["metadata"]["name"], live["metadata"].get("namespace")
    if not namespace:
        return []
    try:
        events = api.list("v1", "Event", namespace)
    except (ApiError, UnknownKindError):  # who may create objects may still not read events
        return []
    about = [event for event in events if event.get("type") == "Warning" and _is_about(event, name)]
    about.sort(key=_time, reverse=True)
    lines = [f"{event.get('reason')}: {event.get('message')}" for event in about]
    return list(dict.fromkeys(lines))[:_SHOWN_EVENTS]


def _is_about(event: Mapping[str, Any], name: str) -> bool:
    about = event.get("involvedObject", {}).get("name", "")
    return bool(about == name or about.startswith(f"{name}-"))


def _time(event: Mapping[str, Any]) -> str:
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def _condition(live: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = live.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _is_unobserved(live: Mapping[str, Any]) -> bool:
    return bool(live.get("status", {}).get("observedGeneration", 0) < live["metadata"].get("generation", 0))


def _deployment(api: Api, live: Object) -> str | None:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    if _is_unobserved(live):
        return "waiting for the controller to see the Deployment"
    updated, total, ready = (status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < wanted:
        return f"{updated} of {wanted} new replicas are created"
    if total > updated:
        return f"{total - updated} old replicas are still there"
    if ready < updated:
        return f"{ready} of {wanted} replicas are available"
    return None


def _stateful_set(api: Api, live: Object) -> str | None:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    if _is_unobserved(live):
        return "waiting for the controller to see the StatefulSet"
    if status.get("readyReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)} of {wanted} replicas are ready"
    if live["spec"].get("updateStrategy", {}).get("type") == "OnDelete":
        return None
    if status.get("updateRevision") != status.get("currentRevision"):
        return f"{status.get('updatedReplicas', 0)} of {wanted} replicas run the new revision"
    return None


def _daemon_set(api: Api, live: Object) -> str | None:
    status = live.get("status", {})
    if _is_unobserved(live):
        return "waiting for the controller to see the DaemonSet"
    wanted = status.get("desiredNumberScheduled", 0)
    ready = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return f"{ready} of {wanted} pods are available" if ready < wanted else None


def _pod(api: Api, live: Object) -> str | None:
    phase = live.get("status", {}).get("phase")
    if phase == "Failed":
        raise FailedError(
            f"the pod failed: {live['status'].get('message') or live['status'].get('reason') or 'no reason'}"
        )
    if phase == "Succeeded" or _condition(live, "Ready").get("status") == "True":
        return None
    unscheduled = _condition(live, "PodScheduled")
    return unscheduled.get("message") or f"the pod is {phase or 'not yet seen'} and not ready"


def _job(api: Api, live: Object) -> str | None:
    failed = _condition(live, "Failed")
    if failed.get("status") == "True":
        raise FailedError(f"the job failed: {failed.get('reason')}: {failed.get('message')}")
    if _condition(live, "Complete").get("status") == "True":
        return None
    status = live.get("status", {})
    return f"{status.get('succeeded', 0)} of {live['spec'].get('completions', 1)} completions"


def _service(api: Api, live: Object) -> str | None:
    spec, metadata = live["spec"], live["metadata"]
    if spec.get("type") == "ExternalName":
        return None
    if spec.get("type") == "LoadBalancer" and not live.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return "the load balancer has no address"
    if spec.get("clusterIP") == "None" or not spec.get("selector"):
        return None
    label = f"kubernetes.io/service-name={metadata['name']}"
    slices = api.list("discovery.k8s.io/v1", "EndpointSlice", metadata["namespace"], labels=label)
    endpoints = [endpoint for part in slices for endpoint in part.get("endpoints") or []]
    if any(endpoint.get("conditions", {}).get("ready", True) for endpoint in endpoints):
        return None
    return "the Service does not target any ready Pods; its selector is " + ",".join(
        f"{key}={value}" for key, value in spec["selector"].items()
    )


def _namespace(api: Api, live: Object) -> str | None:
    phase = live.get("status", {}).get("phase")
    return None if phase == "Active" else f"the namespace is {phase}"


def _claim(api: Api, live: Object) -> str | None:
    phase = live.get("status", {}).get("phase")
    if phase == "Bound":
        return None
    name = live["spec"].get("storageClassName")
    storage = (
        api.get({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}})
        if name
        else None
    )
    if storage and storage.get("volumeBindingMode") == "WaitForFirstConsumer":
        return None
    return f"the claim is {phase or 'not yet seen'}, no volume is bound"


def _volume(api: Api, live: Object) -> str | None:
    phase = live.get("status", {}).get("phase")
    return None if phase in ("Available", "Bound") else f"the volume is {phase or 'not yet seen'}"


def _quota(api: Api, live: Object) -> str | None:
    same = live.get("status", {}).get("hard", {}) == live["spec"].get("hard", {})
    return None if same else "the quota is not counted yet"


def _definition(api: Api, live: Object) -> str | None:
    established = _condition(live, "Established")
    return None if established.get("status") == "True" else "the definition is not established"


_CHECKS: Mapping[str, Callable[[Api, Object], str | None]] = {
    "apiextensions.k8s.io/v1:CustomResourceDefinition": _definition,
    "apps/v1:DaemonSet": _daemon_set,
    "apps/v1:Deployment": _deployment,
    "apps/v1:StatefulSet": _stateful_set,
    "batch/v1:Job": _job,
    "v1:Namespace": _namespace,
    "v1:PersistentVolume": _volume,
    "v1:PersistentVolumeClaim": _claim,
    "v1:Pod": _pod,
    "v1:ResourceQuota": _quota,
    "v1:Service": _service,
}
