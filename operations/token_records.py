"""What the audit bucket knows of tokens: who got which, and which are revoked; never a token itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, StringConstraints, TypeAdapter

TOKENS: Final = "tokens/"
REVOCATIONS: Final = "revocations/"
LONGEST_TOKEN: Final = timedelta(days=90)
"""No declaration may allow more (`clients.<name>.longest_token_hours`), so no token lives longer."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Kept = TypeVar("Kept", "TokenRecord", "Revocation")


@dataclass(frozen=True, kw_only=True)
class TokenRecord:
    """One issued token without the token."""

    jti: Identifier
    client: Identifier
    models: tuple[str, ...]
    tier: str
    issuer: str
    audience: str
    kid: str
    issued_at: AwareDatetime
    expires_at: AwareDatetime


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """One refusal, in force until every token that it can concern has expired."""

    kind: Literal["token", "client"]
    id: Identifier
    reason: str
    revoked_at: AwareDatetime
    until: AwareDatetime


def keep_token(record: TokenRecord, *, audit_bucket: str, s3: Any) -> None:
    """Write one record; an existing one is never replaced."""
    key = f"{TOKENS}{record.client}/{record.jti}.json"
    s3.put_object(Bucket=audit_bucket, Key=key, Body=_text(record), ContentType="application/json", IfNoneMatch="*")


def keep_revocation(revocation: Revocation, *, audit_bucket: str, s3: Any) -> None:
    """Write one refusal; a later one of the same token or client takes its place."""
    key = f"{REVOCATIONS}{revocation.kind}s/{revocation.id}.json"
    s3.put_object(Bucket=audit_bucket, Key=key, Body=_text(revocation), ContentType="application/json")


def token_records(*, audit_bucket: str, s3: Any, client: str | None = None) -> list[TokenRecord]:
    """Every record, or those of one client, newest first."""
    prefix = f"{TOKENS}{client}/" if client else TOKENS
    found = [_get(s3, audit_bucket, key, TokenRecord) for key in _keys(s3, audit_bucket, prefix)]
    return sorted(found, key=lambda record: record.issued_at, reverse=True)


def find_token(jti: str, *, audit_bucket: str, s3: Any) -> TokenRecord | None:
    """The record of one token, without reading the others."""
    for key in _keys(s3, audit_bucket, TOKENS):
        if key.endswith(f"/{jti}.json"):
            return _get(s3, audit_bucket, key, TokenRecord)
    return None


def revocations_in_force(*, audit_bucket: str, s3: Any, now: datetime) -> list[Revocation]:
    """Every refusal that can still concern a token that has not expired."""
    found = [_get(s3, audit_bucket, key, Revocation) for key in _keys(s3, audit_bucket, REVOCATIONS)]
    return [revocation for revocation in found if revocation.until > now]


def _text(record: TokenRecord | Revocation) -> bytes:
    return TypeAdapter(type(record)).dump_json(record)


def _get(s3: Any, bucket: str, key: str, kind: type[Kept]) -> Kept:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return TypeAdapter(kind).validate_json(body)


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            yield entry["Key"]
