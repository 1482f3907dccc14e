"""ARNs and bucket names: whose they are and where they are."""

import re
from dataclasses import dataclass
from typing import Any

from .facts import ACCOUNT, EKS_REGISTRY_ACCOUNTS
from .owner import Estate

_OWN_NAME = re.compile(r"(?<!\d)\d{12}(?!\d)")


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN that say who and where."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(value: Any) -> Arn | None:
    """The parts of an ARN, None for any other text."""
    if not isinstance(value, str) or not value.startswith("arn:"):
        return None
    parts = value.split(":", 5)
    return Arn(*parts[1:]) if len(parts) == 6 else None


def foreign(arn: Arn, text: str, estate: Estate) -> str | None:
    """Why an ARN does not belong to the estate, None when it does."""
    if arn.partition not in ("aws", "aws-eusc", "*"):
        return f"partition {arn.partition!r} is not in the EU"
    if arn.region not in ("", "*") and arn.region not in estate.regions:
        return f"region {arn.region!r} is not one of {', '.join(sorted(estate.regions))}"
    if arn.account in ("", "aws") or arn.account in estate.accounts or text in estate.principals:
        return None
    if arn.service == "ecr" and arn.account in EKS_REGISTRY_ACCOUNTS:
        return None
    if arn.account == "*" and arn.service in ("ec2", "elasticloadbalancing", "eks", "logs"):
        return None
    return f"account {arn.account!r} is not the organisation's"


def is_own_bucket(name: Any, estate: Estate) -> bool:
    """Whether a bucket's name or ARN carries an own account id (bucket names have no owner of their own)."""
    return isinstance(name, str) and any(found in estate.accounts for found in _OWN_NAME.findall(name))


def is_account(value: Any) -> bool:
    """Whether a text is an account id."""
    return isinstance(value, str) and ACCOUNT.fullmatch(value) is not None


def may_connect(principal: Any, estate: Estate) -> bool:
    """Whether a principal may be offered an endpoint service: own, listed, or the root of a peer's account."""
    arn = parse_arn(principal)
    if arn is None or arn.service != "iam" or "*" in principal:
        return False
    peers = {peer.account for peer in estate.peers}
    return (
        principal in estate.principals
        or arn.account in estate.accounts
        or (arn.account in peers and arn.resource == "root")
    )
