"""Checks inputs against the types that a resource's SDK declares: unknown, missing and ill-typed properties."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.providers import sdk_types
from sandbox.providers.sdk_types import Shape
from sandbox.providers.serve import UNKNOWN

_PLAIN: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "text": ((str,), "text"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
}


@dataclass(frozen=True)
class Problem:
    """One input that the SDK's types do not allow; an empty path means the resource as a whole."""

    property_path: str
    message: str


def properties_of(package: str, type_token: str) -> frozenset[str] | None:
    """Names of a resource's inputs, None when the SDK does not know the type."""
    found = sdk_types.read(package, type_token)
    return None if found is None else frozenset(found["objects"][found["inputs"]])


def outputs_of(package: str, type_token: str) -> tuple[str, ...]:
    """The properties that the SDK's resource class has, inputs and outputs; empty for an unknown type."""
    found = sdk_types.read(package, type_token)
    return () if found is None else tuple(found["outputs"])


def check(package: str, type_token: str, inputs: Mapping[str, Any]) -> list[Problem]:
    """Every problem of the inputs, by path; values that are not known yet pass.

    Args:
        package: the SDK's Python package, such as "pulumi_aws".
        type_token: such as "aws:eks/cluster:Cluster".
        inputs: plain Python under Pulumi's (camelCase) names.
    """
    found = sdk_types.read(package, type_token)
    if found is None:
        return [Problem("", f"{type_token} is not a resource of {package}")]
    return list(_Check(found["objects"]).object(found["inputs"], inputs, ""))


@dataclass(frozen=True)
class _Check:
    objects: Mapping[str, Mapping[str, Any]]

    def object(self, name: str, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
        fields = self.objects[name]
        for key, item in value.items():
            here = f"{path}.{key}" if path else key
            if key.startswith("__"):  # the engine's own notes
                continue
            if key in fields:
                yield from self.value(fields[key][0], item, here)
            else:
                close = difflib.get_close_matches(key, fields, n=1)
                yield Problem(here, "unknown property" + (f"; did you mean {close[0]}?" if close else ""))
        for key, (_, required) in fields.items():
            if required and value.get(key) is None:
                yield Problem(f"{path}.{key}" if path else key, "missing, but required")

    def value(self, shape: Shape, value: Any, path: str) -> Iterator[Problem]:
        if value is None or value == UNKNOWN:
            return
        match shape:
            case ["union", alternatives]:
                yield from self._union(alternatives, value, path)
            case ["literal", accepted] if value not in accepted:
                yield Problem(path, f"{value!r} is not accepted; use {' or '.join(map(repr, accepted))}")
            case ["enum", accepted] if value not in accepted:
                yield Problem(path, f"{value!r} is not accepted; use one of {', '.join(map(repr, accepted))}")
            case ["list", inside]:
                if not isinstance(value, list | tuple):
                    yield Problem(path, f"{value!r} is not a list")
                    return
                for position, item in enumerate(value):
                    yield from self.value(inside, item, f"{path}[{position}]")
            case ["map", inside]:
                if not isinstance(value, Mapping):
                    yield Problem(path, f"{value!r} is not a mapping")
                    return
                for key, item in value.items():
                    yield from self.value(inside, item, f"{path}.{key}")
            case ["plain", kind]:
                accepted, wanted = _PLAIN[kind]
                if not isinstance(value, accepted) or (isinstance(value, bool) and kind != "bool"):
                    yield Problem(path, f"{value!r} is not {wanted}")
            case ["object", name]:
                if isinstance(value, Mapping):
                    yield from self.object(name, value, path)
                else:
                    yield Problem(path, f"{value!r} is not a mapping")
            case ["asset"] if not isinstance(value, Mapping):
                yield Problem(path, f"{value!r} is not an asset or archive")

    def _union(self, alternatives: list[Shape], value: Any, path: str) -> Iterator[Problem]:
        """Nothing when one accepts the value, otherwise the problems of the one that fits its shape best."""
        findings = [list(self.value(alternative, value, path)) for alternative in alternatives]
        if findings and all(findings):
            # Of several refusals, one that lies deeper inside the value says more than "is not text".
            yield from max(findings, key=lambda found: (max(len(one.property_path) for one in found), -len(found)))
