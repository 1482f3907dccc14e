"""Twins and views for the policy tests: resources as the engine hands them over, through the SDK's proxy."""

import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.guardrails import RULE_SETS
from policies.guardrails.findings import Provider, Resource
from policies.guardrails.owner import Estate, OnPremises, Peer, load_estate
from policies.guardrails.rules import Finding
from policies.guardrails.stack import Stack

TWINS = Path(__file__).parent / "twins"
REGION = "eu-west-1"
PROVIDER: Mapping[str, Any] = {"region": REGION, "allowedAccountIds": '["111122223333"]'}
WORKLOAD_PODS = {"CronJob": "spec.jobTemplate.spec.template.spec"}
RESOURCE_RULES = tuple(RULE_SETS.values())


@lru_cache
def estate() -> Estate:
    """The estate of the pack, with everything that may be left out of it, so that its rules can be seen at work."""
    plain = load_estate()
    tools = Peer(
        name="tools",
        account="111122223333",
        region=REGION,
        vpc_id="vpc-0b0b0b0b0b0b0b0b0",
        cidr=IPv4Network("10.92.0.0/16"),
        connection_id="pcx-0b0b0b0b0b0b0b0b0",
    )
    office = OnPremises(
        name="head-office", device_address=IPv4Address("198.51.100.7"), cidrs=(IPv4Network("10.200.0.0/16"),)
    )
    return dataclasses.replace(
        plain,
        managed_endpoints=True,
        vpc_cidrs=(*plain.vpc_cidrs, IPv4Network("100.64.0.0/16")),
        peers=(*plain.peers, tools),
        on_premises=(office,),
        storage_ranges=(IPv4Network("16.15.0.0/16"),),
        prefix_lists=frozenset({"pl-0c0c0c0c"}),
        blocked_names_alarm=True,
        organisation_policies=True,
    )


@lru_cache
def good() -> Mapping[str, Any]:
    """Type -> properties of its good twin, still as data that can be spoiled."""
    return yaml.safe_load((TWINS / "good.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def variants() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Type and spoil of every good twin that is told in another form."""
    table = yaml.safe_load((TWINS / "variants.yaml").read_text(encoding="utf-8"))
    for name, spoils in table.items():
        for spoil in spoils:
            yield token(name), spoil


def bad() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Rule, type and spoil of every bad twin."""
    table = yaml.safe_load((TWINS / "bad.yaml").read_text(encoding="utf-8"))
    for rule, twins in table.items():
        for twin in twins:
            for name, spoil in twin.items():
                yield rule, token(name), spoil


def token(name: str) -> str:
    """The full type token that a short name stands for."""
    found = [t for t in good() if name in _names(t) and not t.startswith("cloister:")]
    assert len(found) <= 1 or name in found, f"{name} is ambiguous: {found}"
    return name if name in found or not found else found[0]


def _names(type_: str) -> tuple[str, ...]:
    module, _, kind = type_.partition(":")[2].rpartition(":")
    return type_, module, kind, module.removeprefix("index/")


def view(
    type_: str,
    properties: Any,
    *,
    name: str = "example",
    provider: Mapping[str, Any] | None = None,
    sources: Mapping[str, tuple[Resource, ...]] | None = None,
    owner: Estate | None = None,
) -> Resource:
    """A resource as rules see it, with unknown values that raise."""
    given = {"name": "aws", **PROVIDER, **(provider or {})}
    instance = Provider(
        str(given.pop("name")), unknown_checking_proxy({k: v for k, v in given.items() if v is not None})
    )
    return Resource(
        type_,
        name,
        f"urn:pulumi:test::cloister::{type_}::{name}",
        unknown_checking_proxy(_floats(wire(properties))),
        owner or estate(),
        instance if type_.startswith("aws:") else None,
        sources or {},
    )


def spoiled(type_: str, spoil: Mapping[str, Any]) -> Resource:
    """The good twin of a type with one spoil merged in, as rules see it."""
    properties, provider = spoiled_twin(type_, spoil)
    return view(type_, properties, provider=provider)


def spoiled_twin(type_: str, spoil: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
    """The good twin of a type with one spoil merged in, still as data, and what the spoil says of its provider."""
    changes = dict(spoil)
    provider = changes.pop("provider", None)
    kind = type_.rsplit(":", 1)[-1]
    for short, suffix in (("pod", ""), ("container", ".containers.0")):
        if short in changes and type_.startswith("kubernetes:"):
            inner = changes.pop(short)
            for key in reversed((WORKLOAD_PODS.get(kind, "spec.template.spec") + suffix).split(".")):
                inner = {int(key) if key.isdigit() else key: inner}
            changes |= inner
    return merged(good().get(type_, {}), changes), provider


def merged(value: Any, spoil: Any) -> Any:
    """A value with a spoil merged in."""
    if not isinstance(spoil, Mapping) or value is None:
        return copy.deepcopy(spoil)
    if isinstance(value, list):
        result = [
            merged(item, spoil[index]) if index in spoil else copy.deepcopy(item) for index, item in enumerate(value)
        ]
        return result + list(spoil.get("+", []))
    result_map = dict(copy.deepcopy(value)) if isinstance(value, Mapping) else {}
    for key, change in spoil.items():
        if change is None:
            result_map.pop(key, None)
        else:
            result_map[key] = merged(result_map.get(key), change)
    return result_map


def wire(value: Any) -> Any:
    """Data as it is sent: JSON texts are written out, unknown values are the engine's sentinel."""
    if value == "UNKNOWN":
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Mapping):
        if "(json)" in value:
            return json.dumps(wire(value["(json)"]))
        return {str(key): wire(item) for key, item in value.items() if item is not None}
    return [wire(item) for item in value] if isinstance(value, list) else value


def _floats(value: Any) -> Any:
    """Numbers arrive as floats."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _floats(item) for key, item in value.items()}
    return [_floats(item) for item in value] if isinstance(value, list) else value


def findings(resource: Resource) -> list[Finding]:
    """Everything that the resource policies find."""
    return [finding for rules in RESOURCE_RULES for finding in rules.findings(resource)]


def stack(*resources: Resource) -> Stack:
    """A stack of resources."""
    return Stack(tuple(resources))
