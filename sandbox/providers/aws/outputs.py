"""What AWS adds to a resource: templates from the type's facts, filled for the properties that the SDK declares."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.providers import schema
from sandbox.providers.serve import UNKNOWN

from .account import Account
from .types import kind_of


def planned(type_token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs at preview: the inputs, and everything else unknown."""
    return {**dict.fromkeys(schema.outputs_of("pulumi_aws", type_token), UNKNOWN), **inputs}


def facts(account: Account, seed: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that templates may use beside the inputs; the random-looking ones follow from the seed."""
    return {
        **inputs,
        "partition": account.partition,
        "dns_suffix": account.dns_suffix,
        "region": account.region,
        "account": account.id,
        "hex17": seed[:17],
        "uuid": str(uuid.UUID(seed[:32])),
    }


def identifier(type_token: str, fields: Mapping[str, Any]) -> str:
    """The identifier of a resource that only the stand-in keeps."""
    return kind_of(type_token).id.format_map(fields)


def computed(type_token: str, physical_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The computed properties of a resource that exists, by template or by their usual meaning."""
    fields = {**fields, "id": physical_id}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    _, module, _ = type_token.split(":")
    usual = {
        "arn": "arn:{partition}:" + module.split("/")[0] + ":{region}:{account}:" + module.split("/")[-1] + "/{id}",
        "ownerId": "{account}",
        "region": "{region}",
        "status": "ACTIVE",
        **dict.fromkeys(("createdAt", "modifiedAt", "createDate", "associatedAt"), now),
    }
    names = set(schema.outputs_of("pulumi_aws", type_token))
    values = {name: item for name, item in usual.items() if name in names} | dict(kind_of(type_token).outputs)
    return {name: item.format_map(fields) if isinstance(item, str) else item for name, item in values.items()}
