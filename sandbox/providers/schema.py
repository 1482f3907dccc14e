"""Checks inputs against the types that a resource's SDK declares: unknown, missing and ill-typed properties."""

from __future__ import annotations

import difflib
import enum
import importlib
import inspect
import types
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
from pulumi._types import input_type_py_to_pulumi_names, is_input_type
from pulumi.runtime import rpc

from sandbox.providers.serve import UNKNOWN

_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


@dataclass(frozen=True)
class Problem:
    """One input that the SDK's types do not allow; an empty path means the resource as a whole."""

    property_path: str
    message: str


@dataclass(frozen=True)
class _Field:
    type: Any
    required: bool


def check(package: str, type_token: str, inputs: Mapping[str, Any]) -> list[Problem]:
    """Every problem of the inputs, by path; values that are not known yet pass.

    Args:
        package: the SDK's Python package, such as "pulumi_aws".
        type_token: such as "aws:eks/cluster:Cluster".
        inputs: plain Python under Pulumi's (camelCase) names.
    """
    arguments = arguments_of(package, type_token)
    if arguments is None:
        return [Problem("", f"{type_token} is not a resource of {package}")]
    return list(_check_object(arguments, inputs, ""))


@cache
def arguments_of(package: str, type_token: str) -> type | None:
    """The SDK's class of a resource's inputs (`ClusterArgs`), None when the SDK does not know the type."""
    importlib.import_module(package)
    name, module, _ = type_token.split(":")
    for registered in rpc._RESOURCE_MODULES.get(f"{name}:{module}", []):
        info = registered.mod_info  # type: ignore[attr-defined]
        if type_token in info["classes"]:
            class_name = info["classes"][type_token]
            resource = getattr(importlib.import_module(info["fqn"]), class_name)
            home = importlib.import_module(resource.__module__)
            # Kubernetes calls it DeploymentInitArgs where an input type DeploymentArgs exists as well.
            return getattr(home, f"{class_name}InitArgs", None) or getattr(home, f"{class_name}Args", None)
    return None


@cache
def _fields(arguments: type) -> dict[str, _Field]:
    home = vars(importlib.import_module(arguments.__module__))  # `pulumi.Input[X]` holds the reference "Output[T]"
    initialise = vars(arguments)["__init__"]
    hints = typing.get_type_hints(initialise, globalns={"Output": pulumi.Output, "T": Any, **home})
    parameters = inspect.signature(initialise).parameters
    names = input_type_py_to_pulumi_names(arguments)
    return {
        pulumi_name: _Field(hints[python_name], parameters[python_name].default is inspect.Parameter.empty)
        for python_name, pulumi_name in names.items()
    }


def _check_object(arguments: type, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    fields = _fields(arguments)
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if name.startswith("__"):  # the engine's own notes
            continue
        if name in fields:
            yield from _check_value(fields[name].type, item, here)
        else:
            close = difflib.get_close_matches(name, fields, n=1)
            yield Problem(here, "unknown property" + (f"; did you mean {close[0]}?" if close else ""))
    for name, field in fields.items():
        if field.required and value.get(name) is None:
            yield Problem(f"{path}.{name}" if path else name, "missing, but required")


def _check_value(expected: Any, value: Any, path: str) -> Iterator[Problem]:
    if value is None or value == UNKNOWN:
        return
    origin = typing.get_origin(expected)
    if origin in (typing.Union, types.UnionType):
        yield from _check_union(_alternatives(expected), value, path)
    elif origin is typing.Literal:
        if value not in typing.get_args(expected):
            yield Problem(path, f"{value!r} is not accepted; use {' or '.join(map(repr, typing.get_args(expected)))}")
    elif origin in (list, Sequence):
        if not isinstance(value, list | tuple):
            yield Problem(path, f"{value!r} is not a list")
            return
        for position, item in enumerate(value):
            yield from _check_value(typing.get_args(expected)[0], item, f"{path}[{position}]")
    elif origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            yield Problem(path, f"{value!r} is not a mapping")
            return
        for key, item in value.items():
            yield from _check_value(typing.get_args(expected)[1], item, f"{path}.{key}")
    elif expected in _PLAIN:
        accepted, wanted = _PLAIN[expected]
        if not isinstance(value, accepted) or (isinstance(value, bool) and expected is not bool):
            yield Problem(path, f"{value!r} is not {wanted}")
    elif isinstance(expected, type):
        yield from _check_class(expected, value, path)


def _check_class(expected: type, value: Any, path: str) -> Iterator[Problem]:
    if issubclass(expected, enum.Enum):
        accepted = [member.value for member in expected]
        if value not in accepted:
            yield Problem(path, f"{value!r} is not accepted; use one of {', '.join(map(repr, accepted))}")
    elif is_input_type(expected):
        if isinstance(value, Mapping):
            yield from _check_object(expected, value, path)
        else:
            yield Problem(path, f"{value!r} is not a mapping")
    elif issubclass(expected, pulumi.Asset | pulumi.Archive) and not isinstance(value, Mapping):
        yield Problem(path, f"{value!r} is not an asset or archive")


def _check_union(alternatives: Sequence[Any], value: Any, path: str) -> Iterator[Problem]:
    """Nothing when one alternative accepts the value, otherwise the problems of the one that fits its shape best."""
    findings = [list(_check_value(alternative, value, path)) for alternative in alternatives]
    if findings and all(findings):
        # Of several refusals, one that lies deeper inside the value says more than "is not text".
        yield from max(findings, key=lambda found: (max(len(problem.property_path) for problem in found), -len(found)))


@cache
def _alternatives(union: Any) -> tuple[Any, ...]:
    """The union's members without None and without what `pulumi.Input` adds: outputs and awaitables."""
    return tuple(
        member
        for member in typing.get_args(union)
        if member is not type(None) and typing.get_origin(member) not in (Awaitable, pulumi.Output)
    )
