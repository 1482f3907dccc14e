"""What a resource type needs so that it exists in moto as well."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sandbox.providers.aws.account import Account

Properties = Mapping[str, Any]


def _unchanged(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """A type whose declared values moto does not hold, or holds without consequence."""


def _nothing(account: Account, identifier: str, outputs: Properties) -> None:
    """A type that AWS does not delete: the default security group of a VPC stays with it."""


@dataclass(frozen=True, kw_only=True)
class Backing:
    """One type's calls; each raises botocore's `ClientError` as AWS does.

    Args:
        create: makes the resource from its inputs and returns its identifier.
        read: returns computed outputs; raises a "not found" error when the resource is gone.
        update: brings new inputs into effect (identifier, new inputs, old inputs).
        delete: removes the resource (identifier, last outputs).
    """

    create: Callable[[Account, Properties], str]
    read: Callable[[Account, str], dict[str, Any]]
    update: Callable[[Account, str, Properties, Properties], None] = _unchanged
    delete: Callable[[Account, str, Properties], None] = _nothing


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that the thing itself is not there."""
    code: str = error.response["Error"]["Code"]
    return any(word in code for word in ("NotFound", "NoSuch", "404", "NotExist")) or code == "InvalidRouteTableID"


def document(value: Any) -> str:
    """A policy document as the text that AWS takes."""
    return value if isinstance(value, str) else json.dumps(value)


def removed(new: Mapping[str, str], old: Mapping[str, str]) -> list[str]:
    """The keys that an update takes away."""
    return sorted(set(old) - set(new))


def pairs(tags: Mapping[str, str] | None, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{key: name, value: item} for name, item in (tags or {}).items()]
