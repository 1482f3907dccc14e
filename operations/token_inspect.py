"""Read a token: its claims, and whether a gateway would take it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from components.gateway.configuration import SigningKey


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a token says, and what its signature is worth."""

    kid: str
    claims: dict[str, Any]
    signature: Literal["good", "bad", "unknown key"]
    state: Literal["valid", "expired", "not yet valid"]


def inspect(token: str, *, signing_keys: Sequence[SigningKey], now: datetime) -> Inspection:
    """Decode a token and check its signature and times.

    Raises:
        CommandError: the text is not a token.
    """
    raise NotImplementedError
