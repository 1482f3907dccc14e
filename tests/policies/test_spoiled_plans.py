"""Every good twin and what the layers plan, one field spoiled at a time: it is refused, or known to be harmless."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml

from policies.guardrails.estate import references, security_groups
from policies.guardrails.findings import Provider, Resource
from policies.guardrails.types import ALLOWED_TYPES
from tests.contract.test_layers_obey_policies import MANAGED, STACKS, UNPINNED, planned, provider_of

from .provider_fields import fields
from .spoiling import Path, mutants, plain, reads, replaced
from .support import TWINS, estate, findings, good, view

KINDS = ("unknown", "wrong", "secret", "given", "missing", "second", "unknown second", "form")
PROVED = {
    *references._MANAGED,
    *references._PROVED,
    *security_groups._LISTS,
    *security_groups._GROUPS,
}
"""(type, property) whose values the estate policy judges; tests of its own spoil those."""
Spoil = tuple[str, str, str]
"""Kind, type and field."""


def survivors(resource: Resource) -> Iterator[Spoil]:
    """The spoils of a resource that no rule refuses."""
    props = plain(resource.props)
    for path in sorted(reads(resource)):
        if _is_judged_elsewhere(resource.type, path):
            continue
        for kind, changed in mutants(props, path):
            found = findings(replaced(resource, changed))
            assert not [str(one) for one in found if "the rule itself failed" in one.text], (path, kind)
            if not found:
                yield kind, resource.type, ".".join(path)


@cache
def _declared(token: str) -> frozenset[Path]:
    return frozenset(fields(token))


def _is_judged_elsewhere(token: str, path: Path) -> bool:
    """Whether the estate policy proves a field, or only another type of the same rule has it."""
    if (token, ".".join(path)) in PROVED or (token, path[0]) in PROVED:
        return True
    foreign = token.startswith("aws:") and token in ALLOWED_TYPES and path[:1] not in _declared(token)
    return foreign or (token.startswith("aws:") and len(path) > 1 and not _is_declared(token, path))


def _is_declared(token: str, path: Path) -> bool:
    """Whether the provider has the field, or it lies in a document of which it knows no fields."""
    known = _declared(token)
    parent = path[:-1]
    return path in known or not any(one[: len(parent)] == parent and len(one) > len(parent) for one in known)


def resources() -> Iterator[Resource]:
    """The good twin of every type, and everything that the stacks plan; of those with the same inputs one."""
    for token in sorted(good()):
        yield view(token, good()[token])
    seen: set[tuple[str, str]] = set()
    for stack in STACKS:
        if stack in (*UNPINNED, MANAGED):
            continue
        whole = planned(stack, True)
        for one in whole.resources:
            told = (one.type, json.dumps(one.inputs, sort_keys=True))
            if told in seen:
                continue
            seen.add(told)
            given = provider_of(one, whole)
            provider = None if given is None else Provider(given.name, given.props)
            found = Resource(one.type, one.name, one.urn, view(one.type, {}).props, estate(), provider)
            yield replaced(found, dict(one.inputs))


def harmless() -> set[Spoil]:
    """Every spoil that the table tells to be harmless."""
    table: Mapping[str, Any] = yaml.safe_load((TWINS / "harmless_spoils.yaml").read_text(encoding="utf-8"))
    return {
        (kind, token, field)
        for kinds in table.values()
        for kind, types in kinds.items()
        for token, listed in types.items()
        for field in listed.split()
    }


@cache
def survived() -> frozenset[Spoil]:
    return frozenset(spoil for resource in resources() for spoil in survivors(resource))


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoiled_field_is_refused_or_harmless(kind: str) -> None:
    assert sorted(spoil for spoil in survived() - harmless() if spoil[0] == kind) == []


def test_the_table_of_harmless_spoils_holds_no_other() -> None:
    assert sorted(harmless() - survived()) == []
