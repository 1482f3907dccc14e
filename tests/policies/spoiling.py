"""What rules read of a resource, told by a recorder around its properties, and the wrong values that spoil it."""

import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies.guardrails.findings import HIDDEN, Resource
from policies.guardrails.rules import run

from .support import RESOURCE_RULES

Path = tuple[str, ...]
"""Keys from the outside in; elements of a list have their list's path."""
PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


class RecordedMapping(Mapping[str, Any]):
    """A mapping that notes each key that somebody asks for by name; walking over all keys notes nothing."""

    def __init__(self, value: Mapping[str, Any], path: Path, seen: set[Path]) -> None:
        self.value, self.path, self.seen = value, path, seen

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.add((*self.path, key))
        return recorded(self.value.get(key, default), (*self.path, key), self.seen)

    def __contains__(self, key: object) -> bool:
        self.seen.add((*self.path, str(key)))
        return key in self.value

    def __getitem__(self, key: str) -> Any:
        return recorded(self.value[key], (*self.path, key), self.seen)

    def __iter__(self) -> Iterator[str]:
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)


class RecordedList(Sequence[Any]):
    """A list whose elements are recorded."""

    def __init__(self, value: Sequence[Any], path: Path, seen: set[Path]) -> None:
        self.value, self.path, self.seen = value, path, seen

    def __getitem__(self, index: Any) -> Any:
        return recorded(self.value[index], self.path, self.seen)

    def __len__(self) -> int:
        return len(self.value)


def recorded(value: Any, path: Path, seen: set[Path]) -> Any:
    """A value that notes what is asked of it."""
    if isinstance(value, Mapping):
        return RecordedMapping(value, path, seen)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return RecordedList(value, path, seen)
    return value


def reads(resource: Resource) -> set[Path]:
    """The path of every field that a resource rule asks for by name."""
    seen: set[Path] = set()
    watched = dataclasses.replace(resource, props=RecordedMapping(resource.props, (), seen))
    for rules in RESOURCE_RULES:
        for rule in rules.of(resource.type):
            list(run(rule, watched))
    return seen


def replaced(resource: Resource, props: Any) -> Resource:
    """The same resource with other properties, through the SDK's proxy."""
    return dataclasses.replace(resource, props=unknown_checking_proxy(props))


def places(props: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Every container and key at a path; of lists every element."""
    if isinstance(props, list):
        for item in props:
            yield from places(item, path)
    elif isinstance(props, dict):
        if len(path) == 1:
            yield props, path[0]
        elif path[0] in props:
            yield from places(props[path[0]], path[1:])


def spoils(value: Any) -> Iterator[tuple[str, Any]]:
    """Wrong values for a field that has this one, by its kind."""
    yield "unknown", UNKNOWN_STRING_VALUE
    yield "form", [{"unexpected": ["x"]}] if not isinstance(value, list) else "x"
    if isinstance(value, bool):
        yield "wrong", not value
    elif isinstance(value, int | float):
        yield "wrong", 65535.0 if value != 65535.0 else 1.0
    elif isinstance(value, str):
        yield "secret", HIDDEN
        yield "wrong", wrong_text(value)
    elif isinstance(value, list) and value:
        yield "second", [*value, wrong_element(value[0])]
        yield "unknown second", [*value, UNKNOWN_STRING_VALUE]
    elif value is None:
        yield "given", "x"


def wrong_text(value: str) -> str:
    """A text of the same kind that the estate does not own."""
    if value.startswith("arn:"):
        return "arn:aws:iam::999988887777:role/stranger"
    if "/" in value and value[0].isdigit() and value[-1].isdigit():
        return "8.8.8.8/32"
    if value.startswith("eu-"):
        return "eu-west-2"
    if value.startswith("{") and '"Statement"' in value:
        policy = json.loads(value)
        return json.dumps({**policy, "Statement": [*policy["Statement"], PUBLIC]})
    if "@sha256:" in value:
        return "docker.io/x:latest"
    return {"true": "false", "false": "true"}.get(value, "x")


def wrong_element(value: Any) -> Any:
    """A bad second element of a list with this first one."""
    if isinstance(value, str):
        return wrong_text(value)
    if isinstance(value, dict):
        return {key: wrong_element(item) for key, item in value.items()}
    if isinstance(value, list):
        return [wrong_element(item) for item in value]
    return not value if isinstance(value, bool) else 1.0


def mutants(props: Mapping[str, Any], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The properties with one wrong value after the other at a path, told by kind."""
    first = next(iter(places(dict(props), path)), None)
    if first is None:
        return
    value = first[0].get(first[1])
    kinds = list(spoils(value)) + ([("missing", None)] if value is not None else [])
    for kind, wrong in kinds:
        changed = copy.deepcopy(dict(props))
        container, key = next(iter(places(changed, path)))
        if kind == "missing":
            del container[key]
        else:
            container[key] = wrong
        yield kind, changed


def plain(value: Any) -> Any:
    """What is behind the SDK's proxy, as data that can be spoiled; unknown values are the engine's sentinel again."""
    if isinstance(value, Mapping):
        return {key: plain(_element(value, key)) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(_element(value, index)) for index in range(len(value))]
    return value


def _element(value: Any, key: Any) -> Any:
    try:
        return value[key]
    except UnknownValueError:
        return UNKNOWN_STRING_VALUE
