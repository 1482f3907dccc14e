"""Which tokens and clients are refused although their signature holds: one file, swapped while the gateway runs."""

from collections.abc import Iterable
from typing import Final

from components.gateway.configuration.envoy import (
    CLIENT_HEADER,
    JTI_HEADER,
    Document,
    filter_file,
    filter_message,
    header_tree,
    rbac_action,
    typed,
)

REVOCATION_FILE: Final = "revocation.json"
REVOCATION_FILTER: Final = "revocation"


def revocation_filter(revoked_jti: Iterable[str], revoked_clients: Iterable[str]) -> Document:
    """Two hash look-ups, whatever the number of refusals: the token's id, then its client."""
    deny, allow = rbac_action("revoked", "DENY"), rbac_action("not_revoked", "ALLOW")
    clients = header_tree(CLIENT_HEADER, dict.fromkeys(sorted(set(revoked_clients)), deny), allow)
    tokens = header_tree(JTI_HEADER, dict.fromkeys(sorted(set(revoked_jti)), deny), {"matcher": clients})
    return typed(filter_message("rbac.v3.RBAC"), {"rules_stat_prefix": "revoked_", "matcher": tokens})


def revocation_file(revoked_jti: Iterable[str], revoked_clients: Iterable[str]) -> str:
    """Text of `revocation.json`; two empty lists refuse nobody (what a new gateway needs before its first start)."""
    return filter_file(REVOCATION_FILTER, revocation_filter(revoked_jti, revoked_clients))
