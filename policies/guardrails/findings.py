"""How rules read a resource: an unknown value raises, a path names every value, and no value of a secret is printed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from .owner import Estate


class UnexpectedFormError(ValueError):
    """A value has another form than the provider's schema gives it, such as a list where one object belongs."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has an unexpected form")


# What the engine shows instead of a secret when it analyses a stored state.
HIDDEN = "[secret]"


@dataclass(frozen=True)
class Provider:
    """The provider instance that creates a resource."""

    name: str
    props: Mapping[str, Any]

    @property
    def is_default(self) -> bool:
        """Whether Pulumi made it by itself from the environment."""
        return self.name.startswith("default")

    def document(self, key: str) -> Any:
        """A nested value: the engine keeps those as JSON text."""
        return document(self.props.get(key))


@dataclass(frozen=True)
class Resource:
    """One resource as rules see it.

    Args:
        props: inputs (outputs in a stack policy); reading an unknown value raises UnknownValueError.
        sources: property -> resources of this stack that its value comes from (stack policies only).
    """

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    estate: Estate
    provider: Provider | None = None
    sources: Mapping[str, tuple["Resource", ...]] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        """The value at a dotted path, None when it is absent."""
        return at(self.props, path)

    def each(self, path: str) -> Iterator[tuple[str, Any]]:
        """Every element of the list at a dotted path with its own path."""
        return each(self.props, path)

    @cached_property
    def leaves(self) -> tuple[tuple[str, Any], ...]:
        """Every known value with its path; JSON texts are opened."""
        return self._walked[0]

    @cached_property
    def unknowns(self) -> tuple[str, ...]:
        """The path of every value that is not known yet."""
        return self._walked[1]

    @cached_property
    def _walked(self) -> tuple[tuple[tuple[str, Any], ...], tuple[str, ...]]:
        known_leaves: list[tuple[str, Any]] = []
        unknown: list[str] = []
        _walk(self.props, "", known_leaves, unknown)
        return tuple(known_leaves), tuple(unknown)

    @property
    def region(self) -> str | None:
        """The region that this AWS resource is made in: its own, or else its provider's, which also fills it in."""
        own = known(self.props, "region")
        if isinstance(own, str) and own:
            return own
        return None if self.provider is None else self.provider.props.get("region")


def at(value: Any, path: str) -> Any:
    """The value at a dotted path below a mapping, None when any part of it is absent.

    Raises:
        UnexpectedFormError: when a part of it is no mapping; a provider may still read a list of one as an object.
    """
    keys = path.split(".")
    for depth, key in enumerate(keys):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise UnexpectedFormError(".".join(keys[:depth]) or path)
        value = value.get(key)
    return value


def items(value: Any) -> Iterator[Any]:
    """The elements of a list; a single value counts as a list of one, None as none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from value
    elif value is not None:
        yield value


def each(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every element of the list at a dotted path with its own path."""
    for index, element in enumerate(items(at(value, path))):
        yield f"{path}[{index}]", element


def known(value: Mapping[str, Any], key: str) -> Any:
    """A reference to another resource: None when it is absent or not known yet; the estate policy proves those."""
    try:
        return value.get(key)
    except UnknownValueError:
        return None


def names(value: Mapping[str, Any], key: str) -> bool:
    """Whether a reference is given, known or not."""
    try:
        return value.get(key) not in (None, "")
    except UnknownValueError:
        return True


def known_items(value: Mapping[str, Any], key: str) -> Iterator[Any]:
    """The known elements of a list of references; a single value counts as a list of one."""
    found = known(value, key)
    if isinstance(found, Sequence) and not isinstance(found, str):
        for index in range(len(found)):
            try:
                yield found[index]
            except UnknownValueError:
                continue
    elif found is not None:
        yield found


def given(value: Mapping[str, Any], key: str) -> int:
    """How many elements a list has, known or not; a list that is unknown as a whole counts as one."""
    try:
        found = value.get(key)
    except UnknownValueError:
        return 1
    return 0 if found is None else len(found)


def document(value: Any) -> Any:
    """A JSON document that is given as text or as an object.

    Raises:
        ValueError: when the text is not JSON, is hidden as a secret, or names a key twice, of which readers take
            different ones.
    """
    if isinstance(value, str):
        text = value.strip()
        return json.loads(text, object_pairs_hook=_once) if text else None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is named twice")
    return found


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every known value below a value with its path; JSON texts are opened, unknown values left out."""
    found: list[tuple[str, Any]] = []
    _walk(value, path, found, [])
    yield from found


def _walk(value: Any, path: str, found: list[tuple[str, Any]], unknown: list[str]) -> None:
    """Notes every known leaf below a value, and the path of every value that is not known: one way for both."""
    if isinstance(value, str):
        if value[:1] in "{[" and value[-1:] in "}]":
            try:
                opened = json.loads(value)
            except ValueError:
                opened = None
            if opened is not None:
                _walk(opened, path, found, [])  # what stands in a text is known
                return
        found.append((path, value))
    elif isinstance(value, Mapping):
        for key in value:
            place = f"{path}.{key}" if path else str(key)
            try:
                child = value[key]
            except UnknownValueError:
                unknown.append(place)
                continue
            _walk(child, place, found, unknown)
    elif isinstance(value, Sequence):
        for index in range(len(value)):
            place = f"{path}[{index}]"
            try:
                child = value[index]
            except UnknownValueError:
                unknown.append(place)
                continue
            _walk(child, place, found, unknown)
    else:
        found.append((path, value))


@lru_cache(maxsize=8192)
def last_key(path: str) -> str:
    """The name of the field that a path ends with."""
    return path.rpartition(".")[2].partition("[")[0]


def first_key(path: str) -> str:
    """The name of the property that a path begins with."""
    return path.partition(".")[0].partition("[")[0]
