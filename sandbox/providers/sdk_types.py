"""What an SDK says of one resource type, as plain data: kept in files, because importing an SDK takes a second."""

from __future__ import annotations

import enum
import importlib
import importlib.metadata
import inspect
import json
import os
import threading
import types
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from sandbox.places import rehearsal_folder

FORM: Final = 1
"""Raised when what is kept changes its form."""

Shape = list[Any]
"""What a value must be: its kind, and what belongs to the kind.

`[plain, text|bool|int|float]`, `[literal, values]`, `[enum, values]`, `[list, shape]`, `[map, shape]`,
`[union, shapes]`, `[object, its name in "objects"]`, `[asset]`, `[any]`.
"""
_READING: Final = threading.Lock()
"""Many resources of one type are checked at once, and the first of them writes its file."""
PLAIN: Final = {str: "text", bool: "bool", int: "int", float: "float"}


@cache
def read(package: str, type_token: str) -> Mapping[str, Any] | None:
    """The type's schema, None when the SDK does not know the type.

    Keys: `inputs` (name of an object), `outputs` (names of all properties), `objects` (name -> property -> [shape,
    required]).

    Args:
        package: the SDK's Python package, such as "pulumi_aws".
        type_token: such as "aws:eks/cluster:Cluster".
    """
    path = _folder(package) / f"{type_token.replace('/', '_').replace(':', '_')}.json"
    with _READING:
        try:
            kept: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = _from_sdk(package, type_token)
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(f".{os.getpid()}")
            half.write_text(json.dumps(kept), encoding="utf-8")
            half.replace(path)
    return kept if kept["inputs"] else None


@cache
def _folder(package: str) -> Path:
    version = importlib.metadata.version(package.replace("_", "-"))
    return rehearsal_folder() / "sdk-types" / f"{package}-{version}-{FORM}"


def _from_sdk(package: str, type_token: str) -> dict[str, Any]:
    from pulumi.runtime import rpc

    sdk = importlib.import_module(package)
    name, module, _ = type_token.split(":")
    if (name, module) == ("pulumi", "providers"):
        return _schema(sdk.ProviderArgs, sdk.Provider)
    for registered in rpc._RESOURCE_MODULES.get(f"{name}:{module}", []):
        info = registered.mod_info  # type: ignore[attr-defined]
        if type_token in info["classes"]:
            class_name = info["classes"][type_token]
            resource = getattr(importlib.import_module(info["fqn"]), class_name)
            home = importlib.import_module(resource.__module__)
            # Kubernetes calls it DeploymentInitArgs where an input type DeploymentArgs exists as well.
            arguments = getattr(home, f"{class_name}InitArgs", None) or getattr(home, f"{class_name}Args", None)
            if arguments is not None:
                return _schema(arguments, resource)
    return {"inputs": "", "outputs": [], "objects": {}}


def _schema(arguments: type, resource: type) -> dict[str, Any]:
    return {"inputs": _name(arguments), "outputs": _outputs(resource), "objects": _objects(arguments)}


def _name(arguments: type) -> str:
    return f"{arguments.__module__}.{arguments.__name__}"


def _outputs(resource: type) -> list[str]:
    return [
        getattr(member.fget, "_pulumi_name", name)
        for name, member in vars(resource).items()
        if isinstance(member, property)
    ]


def _objects(arguments: type) -> dict[str, Any]:
    """The fields of an input type and of all input types inside it."""
    found: dict[str, Any] = {}
    waiting = [arguments]
    while waiting:
        current = waiting.pop()
        if _name(current) not in found:
            nested: list[type] = []
            found[_name(current)] = dict(_fields(current, nested))
            waiting += nested
    return found


def _fields(arguments: type, nested: list[type]) -> Iterator[tuple[str, list[Any]]]:
    import pulumi
    from pulumi._types import input_type_py_to_pulumi_names

    home = vars(importlib.import_module(arguments.__module__))  # `pulumi.Input[X]` holds the reference "Output[T]"
    initialise = vars(arguments)["__init__"]
    hints = typing.get_type_hints(initialise, globalns={"Output": pulumi.Output, "T": Any, **home})
    parameters = inspect.signature(initialise).parameters
    for python_name, pulumi_name in input_type_py_to_pulumi_names(arguments).items():
        required = parameters[python_name].default is inspect.Parameter.empty
        yield pulumi_name, [_shape(hints[python_name], nested), required]


def _shape(expected: Any, nested: list[type]) -> Shape:
    import pulumi
    from pulumi._types import is_input_type

    origin, inside = typing.get_origin(expected), typing.get_args(expected)
    if origin in (typing.Union, types.UnionType):
        members = [_shape(member, nested) for member in _alternatives(inside)]
        return members[0] if len(members) == 1 else ["union", members]
    if origin is typing.Literal:
        return ["literal", list(inside)]
    if origin in (list, Sequence):
        return ["list", _shape(inside[0], nested)]
    if origin in (dict, Mapping):
        return ["map", _shape(inside[1], nested)]
    if expected in PLAIN:
        return ["plain", PLAIN[expected]]
    if isinstance(expected, type):
        if issubclass(expected, enum.Enum):
            return ["enum", [member.value for member in expected]]
        if is_input_type(expected):
            nested.append(expected)
            return ["object", _name(expected)]
        if issubclass(expected, pulumi.Asset | pulumi.Archive):
            return ["asset"]
    return ["any"]


def _alternatives(members: Sequence[Any]) -> list[Any]:
    """A union's members without None and without what `pulumi.Input` adds: outputs and awaitables."""
    import pulumi

    return [
        member
        for member in members
        if member is not type(None) and typing.get_origin(member) not in (Awaitable, pulumi.Output)
    ]
