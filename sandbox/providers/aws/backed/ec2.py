"""What every type of moto's EC2 does alike: tags, deletion by identifier, adoption."""

from __future__ import annotations

from typing import Any

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Properties, removed


def tag(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """Makes the tags on EC2's side those of `tagsAll`."""
    ec2, before, tags = account.client("ec2"), old.get("tagsAll") or {}, new.get("tagsAll") or {}
    if gone := removed(tags, before):
        ec2.delete_tags(Resources=[identifier], Tags=[{"Key": key} for key in gone])
    if tags:
        ec2.create_tags(Resources=[identifier], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def deletes(operation: str, parameter: str, *, many: bool = False) -> Any:
    """A deletion by identifier alone."""

    def delete(account: Account, identifier: str, outputs: Properties) -> None:
        getattr(account.client("ec2"), operation)(**{parameter: [identifier] if many else identifier})

    return delete


def adopts(property_name: str, parameter: str, operation: str, answer: str) -> tuple[Any, Any]:
    """Adoption of what came with the VPC: it must exist, and stays when the resource is deleted."""

    def create(account: Account, inputs: Properties) -> str:
        identifier: str = inputs[property_name]
        found = getattr(account.client("ec2"), operation)(**{parameter: [identifier]})[answer]
        if not found:
            raise Missing(identifier)
        tag(account, identifier, inputs, {})
        return identifier

    def read(account: Account, identifier: str) -> dict[str, Any]:
        found = getattr(account.client("ec2"), operation)(**{parameter: [identifier]})[answer]
        if not found:
            raise Missing(identifier)
        return {"vpcId": found[0]["VpcId"]}

    return create, read
