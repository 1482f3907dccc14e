"""List what was issued, with each token's state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from operations.token_records import TokenRecord, revocations_in_force, token_records


@dataclass(frozen=True, kw_only=True)
class ListedToken:
    """One record and what a gateway thinks of its token now."""

    record: TokenRecord
    state: Literal["valid", "expired", "revoked"]


def list_tokens(*, audit_bucket: str, s3: Any, now: datetime, client: str | None = None) -> list[ListedToken]:
    """Every issued token, or those of one client, newest first."""
    revoked = {(found.kind, found.id) for found in revocations_in_force(audit_bucket=audit_bucket, s3=s3, now=now)}

    def state(record: TokenRecord) -> Literal["valid", "expired", "revoked"]:
        if record.expires_at <= now:
            return "expired"
        return "revoked" if revoked & {("token", record.jti), ("client", record.client)} else "valid"

    records = token_records(audit_bucket=audit_bucket, s3=s3, client=client)
    return [ListedToken(record=record, state=state(record)) for record in records]
