"""The account's resources: created, read, changed and deleted in moto where it holds them, and kept in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.providers.serve import ProviderError

from . import outputs, references
from .account import Account, seed_of
from .backed import (
    certificates,
    eks,
    endpoints,
    identity,
    keys,
    launch_templates,
    load_balancing,
    names,
    observability,
    peering,
    routing,
    security_groups,
    storage,
    vpc,
    vpn,
)
from .backed.backing import Backing, is_missing
from .kept import Kept, Resource
from .types import kind_of

BACKED: Final[Mapping[str, Backing]] = {
    **vpc.BACKED,
    **routing.BACKED,
    **security_groups.BACKED,
    **endpoints.BACKED,
    **peering.BACKED,
    **vpn.BACKED,
    **load_balancing.BACKED,
    **certificates.BACKED,
    **names.BACKED,
    **observability.BACKED,
    **storage.BACKED,
    **keys.BACKED,
    **identity.BACKED,
    **launch_templates.BACKED,
    **eks.BACKED,
}
"""The types that exist in moto (or, node groups, in the sandbox's Kubernetes API) as well."""


@dataclass(frozen=True)
class StandIn:
    """The life of resources in one account and region."""

    account: Account
    kept: Kept

    def create(self, urn: str, type_token: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make the resource and return its identifier and outputs.

        Raises:
            ProviderError: a reference leads nowhere, or the service refuses.
        """
        self._refuse_broken(urn, type_token, inputs)
        generation = self.kept.next_generation(urn)
        seed = seed_of(urn, generation)
        fields = outputs.facts(self.account, seed, inputs)
        backing = BACKED.get(type_token)
        with _aws_errors(urn), self.account.seeded(seed):
            identifier = backing.create(self.account, inputs) if backing else outputs.identifier(type_token, fields)
        other = self.kept.find(type_token, identifier) if backing is None else None
        if other and not kind_of(type_token).singleton:
            raise ProviderError(f"{_named(urn)}: '{identifier}' exists already; import it or choose another name")
        properties = self._properties(urn, type_token, identifier, inputs, fields)
        region = self.account.region
        self.kept.put(Resource(urn, type_token, identifier, region, generation, dict(inputs), properties))
        return identifier, properties

    def update(
        self, urn: str, type_token: str, identifier: str, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Bring new inputs into effect and return the outputs.

        Raises:
            ProviderError: a reference leads nowhere, the resource is gone, or the service refuses.
        """
        self._refuse_broken(urn, type_token, new)
        backing, present = BACKED.get(type_token), self._present(urn, type_token, identifier)
        if backing is not None:
            with _aws_errors(urn):
                backing.update(self.account, identifier, new, old)
        generation = present.generation if present else 0
        fields = outputs.facts(self.account, seed_of(urn, generation), new)
        properties = self._properties(urn, type_token, identifier, new, fields)
        region = self.account.region
        self.kept.put(Resource(urn, type_token, identifier, region, generation, dict(new), properties))
        return properties

    def read(self, urn: str, type_token: str, identifier: str) -> Resource | None:
        """The resource as it is now; None when it is gone."""
        present = self._present(urn, type_token, identifier)
        backing = BACKED.get(type_token)
        if present is None or backing is None:
            return present
        try:
            with _aws_errors(urn, but_missing=True):
                found = backing.read(self.account, identifier)
        except references.Missing:
            self.kept.drop(urn, identifier)
            return None
        return replace(present, outputs=_merged(present.outputs, found))

    def delete(self, urn: str, type_token: str, identifier: str, state: Mapping[str, Any]) -> None:
        """Remove the resource; one that is gone already is no error."""
        backing = BACKED.get(type_token)
        if backing is not None:
            try:
                with _aws_errors(urn, but_missing=True):
                    backing.delete(self.account, identifier, state)
            except references.Missing:
                pass
        self.kept.drop(urn, identifier)

    def restore(self) -> int:
        """Make every kept resource that an empty moto has lost, with the identifiers it had; returns their number.

        Raises:
            ProviderError: one cannot be made again, or would get another identifier.
        """
        instance = str(self.account.control("GET", "instance")["instance"])
        with self.kept.restoring(self.account.region, instance) as needed:
            waiting = [r for r in self.kept.all() if r.type in BACKED and r.region == self.account.region]
            if not needed:
                return 0
            count = len(waiting)
            while waiting:  # an older resource may have been changed to refer to a newer one
                failures = [(resource, why) for resource in waiting if (why := self._restore(resource))]
                if len(failures) == len(waiting):
                    raise ProviderError("\n".join(why for _, why in failures))
                waiting = [resource for resource, _ in failures]
            return count

    def restore_nodes(self) -> int:
        """Give a new Kubernetes cluster the nodes of every kept node group; returns the number of groups."""
        groups = [g for g in self.kept.of_type("aws:eks/nodeGroup:NodeGroup") if g.region == self.account.region]
        for group in groups:
            with _aws_errors(group.urn):
                BACKED[group.type].update(self.account, group.id, group.inputs, {})
        return len(groups)

    def _restore(self, resource: Resource) -> str:
        """Make one lost resource again; returns why that failed, or nothing."""
        seed = seed_of(resource.urn, resource.generation)
        try:
            with _aws_errors(resource.urn), self.account.seeded(seed):
                identifier = BACKED[resource.type].create(self.account, resource.inputs)
        except ProviderError as error:
            return str(error)
        if identifier != resource.id:
            raise ProviderError(f"{_named(resource.urn)}: restored as '{identifier}', but it was '{resource.id}'")
        return ""

    def _present(self, urn: str, type_token: str, identifier: str) -> Resource | None:
        found = (r for r in self.kept.of_type(type_token) if r.id == identifier)
        return next((resource for resource in found if resource.urn == urn), None) or self.kept.find(
            type_token, identifier
        )

    def _properties(
        self, urn: str, type_token: str, identifier: str, inputs: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        declared = {key: value for key, value in inputs.items() if not key.startswith("__")}
        properties = {**outputs.computed(type_token, identifier, fields), **declared}
        backing = BACKED.get(type_token)
        if backing is None:
            return properties
        with _aws_errors(urn):
            return _merged(properties, backing.read(self.account, identifier))

    def _refuse_broken(self, urn: str, type_token: str, inputs: Mapping[str, Any]) -> None:
        found = list(references.problems(self.account, self.kept, type_token, inputs))
        if found:
            raise ProviderError(_lines(urn, found))


def _named(urn: str) -> str:
    """`aws:ec2/subnet:Subnet network-subnet-a`, from a URN."""
    parts = urn.split("::")
    return f"{parts[-2].split('$')[-1]} {parts[-1]}" if len(parts) > 2 else urn


def _lines(urn: str, problems: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{_named(urn)}: {path}: {message}" for path, message in problems)


def _merged(properties: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Properties with what the account says now; mappings are joined, not replaced."""
    result = dict(properties)
    for name, value in found.items():
        before = result.get(name)
        joined = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = {**(before or {}), **value} if joined else value
    return result


@contextmanager
def _aws_errors(urn: str, *, but_missing: bool = False) -> Iterator[None]:
    """AWS's refusals as one line for people; with `but_missing`, "not found" answers leave as `Missing`."""
    try:
        yield
    except ClientError as error:
        if but_missing and is_missing(error):
            raise references.Missing(str(error)) from error
        detail = error.response["Error"]
        raise ProviderError(f"{_named(urn)}: {detail['Code']}: {detail['Message']}") from None
    except ResponseParserError:
        raise ProviderError(f"{_named(urn)}: moto failed inside; the account's log has the traceback") from None
    except BotoCoreError as error:
        raise ProviderError(f"{_named(urn)}: {' '.join(str(error).split())}") from None
    except references.Missing as missing:
        if but_missing:
            raise
        raise ProviderError(f"{_named(urn)}: {missing} does not exist") from None
