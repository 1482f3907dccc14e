"""Which planned resource a value means: ids do not exist in a preview, but the engine knows where values come from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a string that exists only after the update. Source: Pulumi SDK, `runtime/rpc.py`."""


class Resource(Protocol):
    """One planned resource; `operations.planned.Planned` is one."""

    @property
    def type(self) -> str:
        """Type token."""

    @property
    def name(self) -> str:
        """Logical name."""

    @property
    def urn(self) -> str:
        """Unique in the plan."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Plain data with wire names."""

    @property
    def property_dependencies(self) -> Mapping[str, tuple[str, ...]]:
        """Input name -> URNs that its value comes from."""


class UnreadablePlanError(ValueError):
    """The plan holds something whose effect on reachability is not known here; a verdict would be a guess."""


class References:
    """Resources of one plan, by type and by what refers to them."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        # They are registered in no fixed order; what is read of the same plan is the same every time.
        self._resources = tuple(sorted(resources, key=lambda each: (each.type, each.name)))
        self._by_urn = {resource.urn: resource for resource in self._resources}
        # Mocks make ids from names; names are unique within a type.
        self._by_id = {(resource.type, f"{resource.name}-id"): resource for resource in self._resources}

    def of(self, *tokens: str) -> Iterator[Resource]:
        """Every resource of the types, by type and name."""
        return (resource for resource in self._resources if resource.type in tokens)

    def sources(self, resource: Resource, key: str, *tokens: str) -> list[Resource]:
        """Resources of the types that an input comes from, by type and name."""
        urns = set(resource.property_dependencies.get(key, ()))
        return [found for found in self._resources if found.urn in urns and found.type in tokens]

    def names(self, resource: Resource, key: str, values: Sequence[str], *tokens: str) -> list[str]:
        """What ids below one input mean: names of planned resources; an id that is not planned stays as it is.

        An id that does not exist yet may be any of those that the input comes from, so it counts as all of them.
        """
        found: dict[str, None] = {}
        for value in values:
            known = [self._by_id[token, value].name for token in tokens if (token, value) in self._by_id]
            if not known and value == UNKNOWN:
                known = [source.name for source in self.sources(resource, key, *tokens)]
            found |= dict.fromkeys(known or [value])
        return list(found)

    def name(self, resource: Resource, key: str, *tokens: str) -> str:
        """What one id means; empty where the input is absent.

        Raises:
            UnreadablePlanError: the id could be of several resources.
        """
        value = resource.inputs.get(key)
        if not value:
            return ""
        found = self.names(resource, key, [value], *tokens)
        if len(found) != 1:
            raise UnreadablePlanError(f"{resource.name}: {key} may be any of {', '.join(found)}")
        return found[0]
