"""How a live object appears to the engine: id, outputs, secrets, and a person's name for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.runtime import rpc

from sandbox.providers.kubernetes.api import Object
from sandbox.providers.serve import UNKNOWN, ProviderError, to_struct

_MANAGER = "__fieldManager"
_SECRET_FIELDS = ("data", "stringData")


def refuse_foreign(wanted: Object, live: Object) -> None:
    """Refuses to adopt an object that no Pulumi program made.

    Raises:
        ProviderError: none of its fields is managed by the provider.
    """
    managers = [entry.get("manager", "") for entry in live["metadata"].get("managedFields") or []]
    if not any(manager.startswith("pulumi-kubernetes") for manager in managers):
        raise ProviderError(already_exists(wanted))


def already_exists(wanted: Mapping[str, Any]) -> str:
    """What to do about an object that is there before its creation."""
    return (
        f"{label_of(wanted)} already exists; import it (`pulumi import`), give it another name, "
        "or set upsertExistingObjects on the provider"
    )


def as_preview(wanted: Object, result: Object) -> Object:
    """A dry run's result, with what the real run will decide anew marked as unknown."""
    metadata = {**result["metadata"], "name": wanted["metadata"]["name"]}
    for key in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        metadata[key] = UNKNOWN
    preview = {**result, "metadata": metadata}
    preview.pop("status", None)
    if result["kind"] == "Service" and "clusterIP" not in wanted.get("spec", {}):
        preview["spec"] = {**result["spec"], "clusterIP": UNKNOWN, "clusterIPs": UNKNOWN}
    return preview


def outputs_of(live: Mapping[str, Any], manager: str) -> Any:
    """The resource's outputs: the object, and the field manager that owns what was applied."""
    metadata = live.get("metadata", {})
    if isinstance(metadata, Mapping):
        metadata = {key: value for key, value in metadata.items() if key != "managedFields"}
    return to_struct(with_secrets({**live, "metadata": metadata, _MANAGER: manager}))


def with_secrets(properties: Mapping[str, Any]) -> Object:
    """The properties with a Secret's content marked, so that the engine encrypts it in the state."""
    if (properties.get("apiVersion"), properties.get("kind")) != ("v1", "Secret"):
        return dict(properties)
    marked = {key: _secret(properties[key]) for key in _SECRET_FIELDS if properties.get(key) is not None}
    return {**properties, **marked}


def comparable(wanted: Mapping[str, Any]) -> Object:
    """The object without the difference between no namespace and the default one."""
    metadata = wanted.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("namespace") != "default":
        return dict(wanted)
    return {**wanted, "metadata": {key: value for key, value in metadata.items() if key != "namespace"}}


def manager_of(state: Mapping[str, Any]) -> str:
    """The field manager that earlier outputs name."""
    return str(state.get(_MANAGER) or "pulumi-kubernetes")


def place_of(wanted: Mapping[str, Any]) -> tuple[Any, Any]:
    """Namespace and name."""
    metadata = wanted["metadata"]
    return metadata.get("namespace") or "default", metadata.get("name")


def id_of(live: Mapping[str, Any]) -> str:
    """The resource's id: `namespace/name`, or the name alone without a namespace."""
    namespace, name = live["metadata"].get("namespace"), live["metadata"]["name"]
    return f"{namespace}/{name}" if namespace else str(name)


def label_of(wanted: Mapping[str, Any]) -> str:
    """The object as people call it: kind, namespace and name."""
    metadata = wanted.get("metadata")
    return (
        f"{wanted.get('kind')} {id_of(wanted)}"
        if isinstance(metadata, Mapping) and "name" in metadata
        else str(wanted.get("kind"))
    )


def type_of(urn: str) -> str:
    """The type token in a URN, without the types of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def top_of(path: str) -> str:
    """The first property of a path."""
    return path.split(".")[0].split("[")[0]


def _secret(value: object) -> Object:
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}
