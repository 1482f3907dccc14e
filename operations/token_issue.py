"""Issue a token: checked against the declared clients, recorded, signed by KMS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from components.settings.gateway import Client, Gateway
from operations.token_records import TokenRecord


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A token, to be shown once, and what was recorded of it."""

    token: str = field(repr=False)
    record: TokenRecord


def issue(
    *,
    client: str,
    models: Sequence[str] | None,
    hours: float,
    gateway: Gateway,
    clients: Mapping[str, Client],
    signing_key: str,
    audit_bucket: str,
    kms: Any,
    s3: Any,
    now: datetime,
) -> IssuedToken:
    """Issue one token.

    Args:
        models: names of the client's models; none for all of them.
        signing_key: id, ARN or alias of the KMS key; its last part is the token's `kid`.
        kms: boto3 client of KMS.
        s3: boto3 client of S3.

    Raises:
        CommandError: the client is not declared or revoked, a model is not its own, the time is too long.
    """
    raise NotImplementedError
