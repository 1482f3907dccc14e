"""A whole stack as rules see it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from .findings import Resource, first_key, known, known_items, last_key


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
    if any(source.urn == target.urn for source in origins(resource, key)):
        return True
    return bool(set(values(resource, key)) & identities(target))


def values(resource: Resource, key: str) -> Iterator[str]:
    """The known texts of a property that is a text or a list of texts.

    A key such as `routes.gatewayId` stands for every field of that name below the property; empty texts are absent.
    """
    outer, dot, inner = key.partition(".")
    if not dot:
        yield from (element for element in known_items(resource.props, key) if isinstance(element, str) and element)
        return
    for path, leaf in resource.leaves:
        if first_key(path) == outer and last_key(path) == inner and isinstance(leaf, str) and leaf:
            yield leaf


def identities(resource: Resource) -> set[str]:
    """What other resources may call this one: its id, ARN or name, as far as they are known."""
    keys = ("id", "arn", "bucket", "name", "prefixListId", "defaultRouteTableId", "defaultNetworkAclId", "dnsName")
    found = {value for value in (known(resource.props, key) for key in keys) if isinstance(value, str) and value}
    # Not every provider puts the id among the outputs; an ARN ends with it.
    return found | {value.rpartition("/")[2] for value in found if value.startswith("arn:") and "/" in value}


def origins(resource: Resource, key: str) -> tuple[Resource, ...]:
    """The resources that a property, or a field below it, comes from."""
    return resource.sources.get(key.partition(".")[0], ())


def count_unknown(resource: Resource, key: str) -> int:
    """How many values of a property are not known; an unknown list counts as one.

    Of a field below a property (`routes.gatewayId`) the property may be unknown as a whole. A provider then fills in
    what the program left out, unless it comes from a resource: resource rules refuse a program's own.
    """
    outer, dot, inner = key.partition(".")
    paths = [path for path in resource.unknowns if first_key(path) == outer]
    if not dot:
        return len(paths)
    hidden = (inner, outer) if origins(resource, outer) else (inner,)
    return sum(1 for path in paths if last_key(path) in hidden)
