"""Every field of every allowed AWS type was judged: a new one of a provider fails here until somebody does."""

from functools import lru_cache

import pytest
import yaml

from policies.guardrails.egress.fields import REFUSED_FIELDS
from policies.guardrails.types import ALLOWED_TYPES, ORGANISATION_TYPES, VPN_TYPES

from .provider_fields import fields
from .spoiling import Path, reads
from .support import TWINS, bad, good, spoiled, variants, view

TYPES = sorted(token for token in ALLOWED_TYPES | VPN_TYPES | ORGANISATION_TYPES if token.startswith("aws:"))
EVERYWHERE = {("region",), ("tags",)}
"""The rules of every AWS type judge the one; the other is text."""


@lru_cache
def harmless() -> dict[str, set[str]]:
    """Type -> fields that no rule reads by name and that may have any value."""
    table = yaml.safe_load((TWINS / "harmless_fields.yaml").read_text(encoding="utf-8"))
    return {token: set(listed.split()) for token, listed in table.items()}


@lru_cache
def read() -> dict[str, set[Path]]:
    """Type -> fields that a rule asks for by name in any twin."""
    found: dict[str, set[Path]] = {token: set() for token in TYPES}
    twins = [(token, view(token, good()[token])) for token in TYPES]
    twins += [(token, spoiled(token, spoil)) for token, spoil in variants() if token in found]
    twins += [(token, spoiled(token, spoil)) for _, token, spoil in bad() if token in found]
    for token, twin in twins:
        found[token] |= reads(twin)
    return found


def unjudged(token: str) -> set[str]:
    """The outermost fields of a type that no rule reads and no table refuses."""
    refused = {tuple(path.split(".")) for path in REFUSED_FIELDS.get(token, ())}
    judged = read()[token] | EVERYWHERE
    declared = [path for path in fields(token) if not any(path[:depth] in refused for depth in range(1, len(path) + 1))]
    skipped = {path for path in declared if path not in judged}
    return {".".join(path) for path in skipped if not any(path[:depth] in skipped for depth in range(1, len(path)))}


@pytest.mark.parametrize("token", TYPES)
def test_every_field_of_a_type_is_judged(token: str) -> None:
    assert unjudged(token) == harmless().get(token, set())


def test_every_refused_field_exists() -> None:
    for token, refused in REFUSED_FIELDS.items():
        known = {".".join(path) for path in fields(token)}
        assert set(refused) <= known, token
