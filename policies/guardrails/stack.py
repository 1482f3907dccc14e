"""A whole stack as rules see it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pulumi_policy.proxy import UnknownValueError

from .findings import Resource, items, known


@dataclass(frozen=True)
class Stack:
    """Every resource of one stack, with the sources of each property."""

    resources: tuple[Resource, ...]

    @cached_property
    def _by_type(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return {token: tuple(listed) for token, listed in found.items()}

    def of(self, token: str) -> tuple[Resource, ...]:
        """The resources of one type."""
        return self._by_type.get(token, ())

    def pointing(self, token: str, key: str, target: Resource) -> tuple[Resource, ...]:
        """The resources of a type whose property refers to a target, by dependency or by its id."""
        return tuple(resource for resource in self.of(token) if refers(resource, key, target))

    def sources(self, resource: Resource, key: str, token: str) -> tuple[Resource, ...]:
        """The resources of a type that a property refers to."""
        return tuple(target for target in self.of(token) if refers(resource, key, target))


def refers(resource: Resource, key: str, target: Resource) -> bool:
    """Whether a property's value comes from a target: Pulumi says so, or the values are equal."""
    if any(source.urn == target.urn for source in resource.sources.get(key, ())):
        return True
    return bool(set(values(resource, key)) & identities(target))


def values(resource: Resource, key: str) -> Iterator[str]:
    """The known texts of a property that is a text or a list of texts."""
    value = known(resource.props, key)
    try:
        yield from (element for element in items(value) if isinstance(element, str))
    except UnknownValueError:
        return


def identities(resource: Resource) -> set[str]:
    """What other resources may call this one: its id, ARN or bucket name, as far as they are known."""
    keys = ("id", "arn", "bucket", "name", "prefixListId", "defaultRouteTableId", "defaultNetworkAclId")
    return {value for value in (known(resource.props, key) for key in keys) if isinstance(value, str) and value}


def count_unknown(resource: Resource, key: str) -> int:
    """How many values of a property are not known; an unknown list counts as one."""
    try:
        value = resource.props.get(key)
    except UnknownValueError:
        return 1
    if isinstance(value, str) or value is None:
        return 0
    unknown = 0
    for index in range(len(value)):
        try:
            value[index]
        except (UnknownValueError, KeyError):
            unknown += 1
    return unknown
