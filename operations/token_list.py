"""List what was issued, with each token's state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from operations.token_records import TokenRecord


@dataclass(frozen=True, kw_only=True)
class ListedToken:
    """One record and what a gateway thinks of its token now."""

    record: TokenRecord
    state: Literal["valid", "expired", "revoked"]


def list_tokens(*, audit_bucket: str, s3: Any, now: datetime, client: str | None = None) -> list[ListedToken]:
    """Every issued token, or those of one client, newest first."""
    raise NotImplementedError
