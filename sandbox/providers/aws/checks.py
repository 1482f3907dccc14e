"""What Check does: defaults, automatic names, the account's tags, and every refusal that needs no other resource."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.providers import schema
from sandbox.providers.serve import UNKNOWN

from . import judgements, shapes
from .types import TYPES, kind_of

_POLICIES: Final = ("policy", "assumeRolePolicy")
_LOWER: Final = ("aws:s3/bucket:Bucket", "aws:ecr/repository:Repository")


def completed(
    type_token: str, name: str, inputs: Mapping[str, Any], old: Mapping[str, Any], seed: bytes, tags: Mapping[str, str]
) -> dict[str, Any]:
    """The inputs with the provider's defaults, the automatic name (the old one, if there is one) and `tagsAll`."""
    kind = kind_of(type_token)
    result = {**kind.defaults, **{key: value for key, value in inputs.items() if value is not None}}
    properties = schema.properties_of("pulumi_aws", type_token) or frozenset()
    own = kind.name or ("name" if type_token not in TYPES and "name" in properties else "")
    prefix = inputs.get(f"{own}Prefix")
    if own and own not in inputs and prefix != UNKNOWN and own in properties:
        kept = old.get(own) if own in (old.get("__defaults") or ()) else None
        result |= {own: kept or _automatic(type_token, name, prefix, seed), "__defaults": [own]}
    if "tags" in properties and (tags or result.get("tags")):
        own_tags = result.get("tags") or {}
        result["tagsAll"] = own_tags if own_tags == UNKNOWN else {**tags, **own_tags}
    return result


def _automatic(type_token: str, name: str, prefix: str | None, seed: bytes) -> str:
    suffix = hashlib.sha256(seed or name.encode()).hexdigest()[:7]
    stem = prefix or f"{name}-"
    if type_token == "aws:kms/alias:Alias" and not stem.startswith("alias/"):
        stem = f"alias/{stem}"
    full = stem + suffix
    return full.lower() if type_token in _LOWER else full


def problems(type_token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the inputs by themselves, as (property path, message); unknown values are passed over."""
    declared = {key: value for key, value in inputs.items() if key != "tagsAll"}
    for problem in schema.check("pulumi_aws", type_token, declared):
        yield problem.property_path, problem.message
    yield from shapes.problems(type_token, declared)
    yield from _tags(inputs.get("tagsAll"))
    for name in _POLICIES:
        if name in inputs:
            yield from _policy(name, inputs[name])
    yield from _ranges(inputs, "")
    yield from judgements.problems(type_token, declared)


def _tags(tags: Any) -> Iterator[tuple[str, str]]:
    for key, value in tags.items() if isinstance(tags, Mapping) else ():
        if not 0 < len(key) <= 128 or key.lower().startswith("aws:"):
            yield f"tags.{key}", f"'{key}' is not a tag's key; use 1 to 128 characters that do not begin with aws:"
        if isinstance(value, str) and len(value) > 256:
            yield f"tags.{key}", f"a tag's value has {len(value)} characters; at most 256 are accepted"


def _policy(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A policy must be a document with statements; what it allows is not judged."""
    if value in (None, "", UNKNOWN):
        return
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        if UNKNOWN not in value:
            yield name, f"it is not JSON ({error}); write a policy document"
        return
    if "rules" in document:  # ECR's lifecycle policies
        return
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    if not statements:
        yield name, "it has no Statement; a policy document needs Version and Statement"
    for position, statement in enumerate([statements] if isinstance(statements, Mapping) else statements or []):
        if not isinstance(statement, Mapping):
            continue
        if statement.get("Effect") not in ("Allow", "Deny", UNKNOWN):
            yield f"{name}.Statement[{position}].Effect", f"{statement.get('Effect')!r} is not Allow or Deny"
        if not {"Action", "NotAction"} & set(statement):
            yield f"{name}.Statement[{position}]", "it has neither Action nor NotAction"


def _ranges(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every property whose name speaks of a CIDR holds one, without host bits."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        here = f"{path}.{key}" if path else key
        texts = [text for text in (item if isinstance(item, list) else [item]) if isinstance(text, str)]
        for text in texts if "cidr" in key.lower() and "Group" not in key else []:
            if text and text != UNKNOWN and not _is_network(text):
                yield here, f"'{text}' is not a CIDR block; use a network address such as 10.42.0.0/20"
        if key not in (*_POLICIES, "tags", "tagsAll"):
            for child in item if isinstance(item, list) else [item]:
                yield from _ranges(child, here)


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text)) and "/" in text
    except ValueError:
        return False
