"""Every input field of an AWS type, as the provider's SDK declares it."""

import importlib
from collections.abc import Iterator
from typing import Any, get_args

from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type

DEEP = 5
"""Statements of web firewalls and budgets nest without end."""


def arguments(token: str) -> type:
    """The SDK's class of the inputs of a type such as `aws:ec2/vpc:Vpc`."""
    _, place, name = token.split(":")
    module = importlib.import_module(f"pulumi_aws.{place.split('/')[0]}")
    # `FooInitArgs` where an object inside another resource took the name `FooArgs`.
    found = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    assert isinstance(found, type)
    return found


def fields(token: str) -> Iterator[tuple[str, ...]]:
    """The path of every input, those inside objects too; elements of a list have their list's path."""
    yield from _fields(arguments(token), ())


def _fields(given: type, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    types = input_type_types(given)
    for name in input_type_py_to_pulumi_names(given).values():
        yield (*path, name)
        inner = _object(types[name])
        if inner is not None and len(path) < DEEP:
            yield from _fields(inner, (*path, name))


def _object(annotation: Any) -> type | None:
    """The class of the object inside an annotation such as `Input[Sequence[Input[FooArgs]]] | None`."""
    if isinstance(annotation, type) and is_input_type(annotation):
        return annotation
    return next((found for part in get_args(annotation) if (found := _object(part)) is not None), None)
