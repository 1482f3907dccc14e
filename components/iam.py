"""Policy documents and ARNs as plain data; the one place that knows how AWS writes them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.catalog.regions import partition, service_principal

Statement = Mapping[str, Any]
Condition = Mapping[str, Mapping[str, str | Sequence[str]]]


def arn(service: str, region: str, account_id: str, resource: str) -> str:
    """ARN of a regional thing, in the partition of its region."""
    return f"arn:{partition(region).name}:{service}:{region}:{account_id}:{resource}"


def role_arn(region: str, account_id: str, name: str) -> str:
    """ARN of a role of the account; IAM has no region, the partition comes from where we work."""
    return f"arn:{partition(region).name}:iam::{account_id}:role/{name}"


def account_root(region: str, account_id: str) -> str:
    """The account as a principal: whoever its IAM policies allow."""
    return f"arn:{partition(region).name}:iam::{account_id}:root"


def managed_policy_arn(region: str, name: str) -> str:
    """ARN of a policy that AWS maintains."""
    return f"arn:{partition(region).name}:iam::aws:policy/{name}"


def bucket_arn(region: str, bucket: str, objects: str = "") -> str:
    """ARN of a bucket, or of objects in it; bucket ARNs carry neither account nor region."""
    return f"arn:{partition(region).name}:s3:::{bucket}{objects}"


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str] = ("*",),
    *,
    principal: str | Mapping[str, str] | None = None,
    condition: Condition | None = None,
) -> Statement:
    """One statement that allows; `principal` only in policies of resources."""
    return _statement("Allow", sid, actions, resources, principal, condition)


def deny(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str] = ("*",),
    *,
    principal: str | Mapping[str, str] | None = None,
    condition: Condition | None = None,
) -> Statement:
    """One statement that denies; it wins over every statement that allows."""
    return _statement("Deny", sid, actions, resources, principal, condition)


def document(*statements: Statement) -> str:
    """The JSON text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def service(name: str, region: str) -> Mapping[str, str]:
    """An AWS service as a principal, by its short name such as `pods.eks`."""
    return {"Service": service_principal(name, region)}


def trust(name: str, region: str, account_id: str | None, *, tag_session: bool = False) -> str:
    """Who may become a role: one AWS service, acting for our account only.

    Args:
        name: of the service, such as `pods.eks`.
        region: where we work; it decides how the partition writes principals.
        account_id: the account for which the service must act; None for a service that does not say (EC2).
        tag_session: EKS Pod Identity also tags the sessions that it opens.
    """
    return document(
        allow(
            "OneService",
            ["sts:AssumeRole", "sts:TagSession"] if tag_session else ["sts:AssumeRole"],
            (),
            principal=service(name, region),
            condition={"StringEquals": {"aws:SourceAccount": account_id}} if account_id else None,
        )
    )


def _statement(
    effect: str,
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    principal: str | Mapping[str, str] | None,
    condition: Condition | None,
) -> Statement:
    statement: dict[str, Any] = {"Sid": sid, "Effect": effect}
    if principal is not None:
        statement["Principal"] = principal
    statement["Action"] = list(actions)
    if resources:
        statement["Resource"] = list(resources)
    if condition is not None:
        statement["Condition"] = condition
    return statement
