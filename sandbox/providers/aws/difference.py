"""Which inputs changed, and whether the change replaces the resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .types import kind_of


@dataclass(frozen=True)
class Difference:
    """Changed properties by name.

    Args:
        added, changed, deleted: property names.
        replaces: those among them that AWS cannot change in place.
        delete_first: the new resource would have the old one's physical name.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    replaces: tuple[str, ...]
    delete_first: bool


def difference(type_token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Compare checked inputs; policies are compared as JSON, lists of plain values as sets."""
    automatic = new.get("__defaults") or ()
    old, new = _plain(old), _plain(new)
    kind = kind_of(type_token)
    names = sorted(set(old) | set(new))
    differing = [name for name in names if not _same(old.get(name), new.get(name))]
    fixed = {path.split(".")[0] for path in (*kind.immutable, "region") if not _same(_at(old, path), _at(new, path))}
    fixed |= set(kind.replaced_by(old, new))
    replaces = tuple(name for name in differing if name in fixed)
    own = kind.name or ("bucket" if "bucket" in kind.immutable else "")
    return Difference(
        added=tuple(name for name in differing if name not in old),
        changed=tuple(name for name in differing if name in old and name in new),
        deleted=tuple(name for name in differing if name not in new),
        replaces=replaces,
        delete_first=bool(replaces and own in old) and own not in automatic and old[own] == new.get(own),
    )


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if not key.startswith("__") and value is not None}


def _at(inputs: Mapping[str, Any], path: str) -> Any:
    value: Any = inputs
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _same(old: Any, new: Any) -> bool:
    return bool(_normal(old) == _normal(new))


def _normal(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, list):
        if all(isinstance(item, str | int) for item in value):
            return sorted(map(str, value))
        return [_normal(item) for item in value]
    return {key: _normal(item) for key, item in value.items()} if isinstance(value, Mapping) else value
