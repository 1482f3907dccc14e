"""Every field of every allowed AWS type was judged: a provider's new one is noticed before it can be used."""

import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.guardrails.fields import REFUSED_FIELDS
from policies.guardrails.types import ALLOWED_TYPES, VPN_TYPES

from .support import TWINS, findings, good, spoiled

JUDGED = TWINS / "fields.yaml"
AWS = sorted(token for token in ALLOWED_TYPES | VPN_TYPES if token.startswith("aws:"))
INTERNAL = {"self", "resource_name", "opts", "__props__", "_internal_init"}


@cache
def judged() -> dict[str, list[str]]:
    """Type -> fields that somebody judged; a field that is refused stands in guardrails/fields.py instead."""
    table: dict[str, str] = yaml.safe_load(Path(JUDGED).read_text(encoding="utf-8"))
    return {token: fields.split() for token, fields in table.items()}


def inputs(token: str) -> set[str]:
    """The fields that the SDK's class of a type takes, as they are sent."""
    module, _, name = token.partition(":")[2].rpartition(":")
    resource: Any = getattr(importlib.import_module(f"pulumi_aws.{module.partition('/')[0]}"), name)
    names = set(inspect.signature(resource._internal_init).parameters) - INTERNAL
    return {_camel(name) for name in names if not name.startswith("__")}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_the_fields_that_were_judged_are_those_of_the_allowed_types() -> None:
    assert sorted(judged()) == AWS


@pytest.mark.parametrize("token", AWS)
def test_every_field_was_judged(token: str) -> None:
    refused = set(REFUSED_FIELDS.get(token, {}))
    assert inputs(token) == set(judged()[token]) | refused, (
        "judge it: a rule, guardrails/fields.py, or twins/fields.yaml"
    )
    assert not set(judged()[token]) & refused


@pytest.mark.parametrize("token", sorted(REFUSED_FIELDS))
def test_a_refused_field_may_be_absent_or_empty(token: str) -> None:
    nothing: tuple[Any, ...] = (False, [], {}, "")
    for field in REFUSED_FIELDS[token]:
        for value in nothing:
            assert findings(spoiled(token, {field: value})) == [] or field in good()[token]
