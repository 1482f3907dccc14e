"""Between properties and botocore's service models: what the service refuses, and the parameters of its calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import Shape

from sandbox.providers.serve import UNKNOWN

from .account import session
from .types import kind_of


def problems(type_token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the service itself would refuse, as (property path, message); unknown values are passed over.

    Args:
        type_token: `aws:ec2/vpc:Vpc`; a type without an operation yields nothing.
        inputs: camelCase properties; those without a counterpart in the service's shape are not judged here.
    """
    kind = kind_of(type_token)
    if not kind.operation:
        return
    shape = _input_shape(kind.operation)
    members = _members(shape)
    for name, value in inputs.items():
        member = members.get(kind.rename.get(name, name).lower())
        if member is not None:
            yield from _check(name, value, member, kind.operation)


def parameters(type_token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's parameters that the inputs carry, named as botocore names them; the rest is left out."""
    kind = kind_of(type_token)
    shape = _input_shape(kind.operation)
    return _convert({kind.rename.get(name, name): value for name, value in inputs.items()}, shape)


def convert(operation: str, member: str, value: Any) -> Any:
    """A property's value in the form of one member of an operation's input."""
    return _as(value, _input_shape(operation).members[member])


def _convert(value: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    names = {name.lower(): name for name in shape.members}
    result = {}
    for name, item in value.items():
        member = names.get(name.lower())
        converted = _as(item, shape.members[member]) if member else None
        if member and converted is not None:
            result[member] = converted
    return result


def _as(value: Any, shape: Shape) -> Any:
    """The value in the shape's form, or None where the provider's design of the property differs from the service's."""
    if shape.type_name == "structure":
        return _convert(value, shape) if isinstance(value, Mapping) else None
    if shape.type_name == "list" and isinstance(value, Mapping) and {"Key", "Value"} <= set(_names(shape.member)):
        return [{"Key": key, "Value": item} for key, item in value.items()]  # tags
    if shape.type_name == "list":
        items = [_as(item, shape.member) for item in value] if isinstance(value, list) else []
        return [item for item in items if item is not None] or None
    if shape.type_name == "map":
        return dict(value) if isinstance(value, Mapping) else None
    if shape.type_name == "string":
        return json.dumps(value) if isinstance(value, Mapping) else str(value) if value not in (None, "") else None
    if shape.type_name == "boolean" and isinstance(value, str):  # Terraform's three-valued truths are texts
        return value == "true" if value else None
    return int(value) if shape.type_name in ("integer", "long") and isinstance(value, str) else value


@cache
def _input_shape(operation: str) -> Shape:
    service, name = operation.split(".")
    model = session().get_service_model(service)
    return model.operation_model(name).input_shape


def _names(shape: Shape) -> Iterable[str]:
    return getattr(shape, "members", {})


def _members(shape: Shape) -> dict[str, Shape]:
    return {name.lower(): member for name, member in getattr(shape, "members", {}).items()}


def _check(path: str, value: Any, shape: Shape, operation: str) -> Iterator[tuple[str, str]]:
    """Judge a value by its shape; a value of another form than the shape's (a provider's own design) is not judged."""
    if value is None or value == UNKNOWN:
        return
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = _members(shape)
        for name, item in value.items():
            if name.lower() in members:
                yield from _check(f"{path}.{name}", item, members[name.lower()], operation)
    elif shape.type_name == "list" and isinstance(value, list):
        yield from _range(path, value, len(value), shape, "entries", operation)
        for position, item in enumerate(value):
            yield from _check(f"{path}[{position}]", item, shape.member, operation)
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for name, item in value.items():
            yield from _check(f"{path}.{name}", name, shape.key, operation)
            yield from _check(f"{path}.{name}", item, shape.value, operation)
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _string(path, value, shape, operation)
    elif shape.type_name in ("integer", "long", "float", "double") and isinstance(value, int | float):
        yield from _range(path, value, value, shape, "", operation)


def _string(path: str, value: str, shape: Shape, operation: str) -> Iterator[tuple[str, str]]:
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        yield path, f"{_short(value)} is not accepted by {operation}; use one of {', '.join(choices)}"
        return
    pattern = _pattern(shape.metadata.get("pattern", ""))
    if pattern and not pattern.fullmatch(value):
        yield path, f"{_short(value)} is not accepted by {operation}; it must match {pattern.pattern}"
    yield from _range(path, value, len(value), shape, "characters", operation)


def _range(path: str, value: Any, size: float, shape: Shape, unit: str, operation: str) -> Iterator[tuple[str, str]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        have = f"{_short(value)} has {size} {unit}" if unit else f"{size}"
        yield path, f"{have}, which {operation} does not accept; {_bounds(low, high)} {unit}".rstrip()


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


@cache
def _pattern(source: str) -> re.Pattern[str] | None:
    """The model's pattern, unless it uses what only Java's expressions have."""
    try:
        return re.compile(source.replace(r"\p{ASCII}", r"\x00-\x7f"), re.DOTALL) if source else None
    except re.error:
        return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
