"""Issue a token: checked against the declared clients, recorded, signed by KMS."""

import difflib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from components.settings.gateway import Client, Gateway
from operations.errors import CommandError
from operations.token_records import TokenRecord, keep_token, revocations_in_force
from operations.token_signing import key_name, sign


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
        client: name of a declared client.
        models: names of the client's models; none for all of them.
        hours: how long the token is good for, at most the client's `longest_token_hours`.
        gateway: issuer and audience.
        clients: the declared clients.
        signing_key: id, ARN or alias of the KMS key; its last part is the token's `kid`.
        audit_bucket: where the token is recorded, without its text.
        kms: boto3 client of KMS.
        s3: boto3 client of S3.
        now: the time, with its zone.

    Raises:
        CommandError: the client is not declared or revoked, a model is not its own, the time is too long.
    """
    declared = _declared(client, clients)
    named = _named_models(client, declared, models)
    if not 0 < hours <= declared.longest_token_hours:
        raise CommandError(
            f"client {client!r} may hold a token for at most {declared.longest_token_hours} hours, not {hours:g}; "
            f"give fewer hours, or raise clients.{client}.longest_token_hours"
        )
    for revocation in revocations_in_force(audit_bucket=audit_bucket, s3=s3, now=now):
        if revocation.kind == "client" and revocation.id == client:
            until = revocation.until.astimezone(UTC).date()
            raise CommandError(
                f"client {client!r} is revoked until {until} ({revocation.reason}); declare it under a new name"
            )
    start = now.astimezone(UTC).replace(microsecond=0)
    record = TokenRecord(
        jti=str(uuid.uuid4()),
        client=client,
        models=named,
        tier=declared.tier,
        issuer=gateway.issuer,
        audience=gateway.audience,
        kid=key_name(signing_key),
        issued_at=start,
        expires_at=start + timedelta(seconds=int(hours * 3600)),
    )
    # Recorded first: there may be a record without a token, never a token without a record.
    keep_token(record, audit_bucket=audit_bucket, s3=s3)
    return IssuedToken(token=sign(claims(record), signing_key=signing_key, kms=kms), record=record)


def claims(record: TokenRecord) -> dict[str, Any]:
    """What the token says."""
    issued, expires = int(record.issued_at.timestamp()), int(record.expires_at.timestamp())
    return {
        "iss": record.issuer,
        "aud": record.audience,
        "sub": record.client,
        "models": list(record.models),
        "tier": record.tier,
        "jti": record.jti,
        "iat": issued,
        "nbf": issued,
        "exp": expires,
    }


def _declared(client: str, clients: Mapping[str, Client]) -> Client:
    if client in clients:
        return clients[client]
    close = difflib.get_close_matches(client, clients, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"declared are: {', '.join(clients) or 'none'}"
    raise CommandError(f"client {client!r} is not declared under `clients:`; {hint}")


def _named_models(client: str, declared: Client, models: Sequence[str] | None) -> tuple[str, ...]:
    if models is None:
        return declared.models
    if not models:
        raise CommandError(f"a token for no model is of no use; client {client!r} may use {', '.join(declared.models)}")
    for model in models:
        if model not in declared.models:
            raise CommandError(
                f"client {client!r} may not use model {model!r}; it may use {', '.join(declared.models)}, "
                f"or add the model to clients.{client}.models"
            )
    return tuple(dict.fromkeys(models))
