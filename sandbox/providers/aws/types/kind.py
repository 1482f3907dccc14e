"""The facts of one resource type, as every theme's table writes them.

Templates are Python format strings over the properties and the fields of `outputs.facts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

EC2_ARN: Final = "arn:{partition}:ec2:{region}:{account}:"


def _nothing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    """Most types are replaced by the same properties whatever their values."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The facts of one resource type.

    Args:
        operation: "<service>.<Operation>" whose input shape the inputs are checked against.
        rename: property -> member of that shape, where case alone does not lead to it ("" = no member).
        immutable: properties (dotted for nested ones) whose change replaces the resource.
        replaced_by: (old inputs, new inputs) -> further properties whose change, from this to that, replaces it.
        name: the property that gets an automatic physical name.
        id: template of the identifier of a resource that only the stand-in keeps.
        outputs: computed property -> template, or a plain value.
        defaults: inputs that the provider fills in.
        singleton: the account always has it; creating it sets it, and nobody else's exists "already".
    """

    operation: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    immutable: tuple[str, ...] = ()
    replaced_by: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterable[str]] = field(default=_nothing)
    name: str = ""
    id: str = "{hex17}"
    outputs: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    singleton: bool = False


UNLISTED: Final = Kind(immutable=("name", "namePrefix"))
"""A type without facts: replaced by a change of its name or region, otherwise updated."""
