"""Which tokens and clients are refused although their signature holds: one file, swapped while the gateway runs."""

from collections.abc import Iterable
from typing import Final

REVOCATION_FILE: Final = "revocation.json"


def revocation_file(revoked_jti: Iterable[str], revoked_clients: Iterable[str]) -> str:
    """Text of `revocation.json`; two empty lists refuse nobody (what a new gateway needs before its first start)."""
    raise NotImplementedError
