"""What the engine asks for, before any cluster is asked: type, name, and inputs that are refused."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import schema
from sandbox.providers.kubernetes.api import Object
from sandbox.providers.serve import UNKNOWN, ProviderError

AUTONAMED = "pulumi.com/autonamed"

_REFUSED_MODULES = ("helm.sh/", "yaml", "kustomize")


def object_type(type_token: str) -> tuple[str, str]:
    """The apiVersion and kind of a type token such as "kubernetes:apps/v1:Deployment".

    Raises:
        ProviderError: the type is one that the stand-in refuses.
    """
    _, module, kind = type_token.split(":", 2)
    known = schema.properties_of("pulumi_kubernetes", type_token) is not None
    if module.startswith(_REFUSED_MODULES) or (known and kind.endswith(("Patch", "List"))):
        raise ProviderError(f"{type_token} is not simulated by the Kubernetes stand-in; declare the objects one by one")
    return module.removeprefix("core/"), kind


def named(inputs: Mapping[str, Any], old: Mapping[str, Any], resource: str, seed: bytes) -> Object:
    """The inputs with a name: the declared one, the earlier generated one, or the resource's with eight hex digits.

    Args:
        inputs: as declared.
        old: the inputs of the last deployment; empty for a new object.
        resource: the resource's name in the program.
        seed: the engine's, so that an update gives the name that the preview showed.
    """
    metadata = inputs.get("metadata") or {}
    if metadata == UNKNOWN or metadata.get("name"):
        return dict(inputs)
    old_metadata = old.get("metadata") or {}
    if (old_metadata.get("annotations") or {}).get(AUTONAMED) == "true":
        name = old_metadata["name"]
    else:
        name = f"{resource}-{hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)}"
    annotations = metadata.get("annotations") or {}
    if annotations != UNKNOWN:
        annotations = {**annotations, AUTONAMED: "true"}
    return {**inputs, "metadata": {**metadata, "name": name, "annotations": annotations}}


def is_autonamed(inputs: Mapping[str, Any]) -> bool:
    """Whether the object's name was generated."""
    return annotation(inputs, AUTONAMED) == "true"


def annotation(wanted: Mapping[str, Any], key: str) -> str | None:
    """One of the object's annotations."""
    value = ((wanted.get("metadata") or {}).get("annotations") or {}).get(key)
    return str(value) if value is not None else None


def problems(type_token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each input that is wrong by the SDK's types or cannot be honoured, and why."""
    if schema.properties_of("pulumi_kubernetes", type_token) is not None:
        for problem in schema.check("pulumi_kubernetes", type_token, inputs):
            yield problem.property_path, problem.message
    metadata = inputs.get("metadata")
    if not isinstance(metadata, Mapping):
        return
    if metadata.get("generateName"):
        yield "metadata.generateName", "is not simulated; leave the name out and the provider makes one"
    if isinstance(metadata.get("annotations"), Mapping) and annotation(inputs, "pulumi.com/waitFor"):
        yield "metadata.annotations", "pulumi.com/waitFor is not simulated by the Kubernetes stand-in"


def seconds_to_wait(custom_timeout: float, wanted: Mapping[str, Any], default: float) -> float:
    """How long to wait: the resource's custom timeout, its annotation `pulumi.com/timeoutSeconds`, or the default."""
    return custom_timeout or float(annotation(wanted, "pulumi.com/timeoutSeconds") or default)
