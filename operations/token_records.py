"""What the audit bucket knows of tokens: who got which, and which are revoked; never a token itself."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class TokenRecord:
    """One issued token without the token."""

    jti: str
    client: str
    models: tuple[str, ...]
    tier: str
    issuer: str
    audience: str
    kid: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """One refusal, in force until every token that it can concern has expired."""

    kind: str  # "token" or "client"
    id: str
    reason: str
    revoked_at: datetime
    until: datetime
