"""Keys, their aliases and policies, in moto's KMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties, document, removed


def _create_key(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:kms/key:Key", {**inputs, "tags": None})
    parameters["Tags"] = [{"TagKey": key, "TagValue": value} for key, value in (inputs.get("tagsAll") or {}).items()]
    identifier: str = account.client("kms").create_key(**parameters)["KeyMetadata"]["KeyId"]
    account.control("POST", f"kms/{account.region}/{identifier}")  # its private key outlives moto
    _set_rotation(account, identifier, inputs, {})
    return identifier


def _update_key(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    kms = account.client("kms")
    if new.get("description") != old.get("description"):
        kms.update_key_description(KeyId=identifier, Description=new.get("description") or "")
    if new.get("policy") and new["policy"] != old.get("policy"):
        kms.put_key_policy(KeyId=identifier, PolicyName="default", Policy=document(new["policy"]))
    if gone := removed(new.get("tagsAll") or {}, old.get("tagsAll") or {}):
        kms.untag_resource(KeyId=identifier, TagKeys=gone)
    if tags := new.get("tagsAll"):
        kms.tag_resource(KeyId=identifier, Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()])
    _set_rotation(account, identifier, new, old)


def _set_rotation(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    kms = account.client("kms")
    if bool(new.get("enableKeyRotation")) != bool(old.get("enableKeyRotation")):
        (kms.enable_key_rotation if new.get("enableKeyRotation") else kms.disable_key_rotation)(KeyId=identifier)
    if new.get("isEnabled", True) != old.get("isEnabled", True):
        (kms.enable_key if new.get("isEnabled", True) else kms.disable_key)(KeyId=identifier)


def _read_key(account: Account, identifier: str) -> dict[str, Any]:
    key = account.client("kms").describe_key(KeyId=identifier)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        raise Missing(f"key {identifier}")
    return {"arn": key["Arn"], "keyId": key["KeyId"]}


def _delete_key(account: Account, identifier: str, outputs: Properties) -> None:
    days = outputs.get("deletionWindowInDays") or 30
    account.client("kms").schedule_key_deletion(KeyId=identifier, PendingWindowInDays=days)


def _create_alias(account: Account, inputs: Properties) -> str:
    account.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return str(inputs["name"])


def _read_alias(account: Account, identifier: str) -> dict[str, Any]:
    kms = account.client("kms")
    aliases = (alias for page in kms.get_paginator("list_aliases").paginate() for alias in page["Aliases"])
    found = next((alias for alias in aliases if alias["AliasName"] == identifier), None)
    if found is None:
        raise Missing(f"alias {identifier}")
    return {"arn": found["AliasArn"], "targetKeyArn": _read_key(account, found["TargetKeyId"])["arn"]}


def _update_alias(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    account.client("kms").update_alias(AliasName=identifier, TargetKeyId=new["targetKeyId"])


def _delete_alias(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("kms").delete_alias(AliasName=identifier)


def _put_key_policy(account: Account, inputs: Properties) -> str:
    _update_key_policy(account, inputs["keyId"], inputs, {})
    return str(inputs["keyId"])


def _update_key_policy(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    policy = document(new["policy"])
    account.client("kms").put_key_policy(KeyId=identifier, PolicyName="default", Policy=policy)


def _read_key_policy(account: Account, identifier: str) -> dict[str, Any]:
    _read_key(account, identifier)
    return {}


BACKED: Final[Mapping[str, Backing]] = {
    "aws:kms/key:Key": Backing(create=_create_key, read=_read_key, update=_update_key, delete=_delete_key),
    "aws:kms/alias:Alias": Backing(create=_create_alias, read=_read_alias, update=_update_alias, delete=_delete_alias),
    "aws:kms/keyPolicy:KeyPolicy": Backing(
        create=_put_key_policy,
        read=_read_key_policy,
        update=_update_key_policy,
    ),
}
