"""Read a token: its claims, and whether a gateway would take it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from components.gateway.configuration import SigningKey, from_base64url
from operations.errors import CommandError

Signature = Literal["good", "bad", "unknown key"]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a token says, and what its signature is worth."""

    kid: str
    claims: dict[str, Any]
    signature: Signature
    state: Literal["valid", "expired", "not yet valid"]


def inspect(token: str, *, signing_keys: Sequence[SigningKey], now: datetime) -> Inspection:
    """Decode a token and check its signature and times.

    Raises:
        CommandError: the text is not a token.
    """
    parts = token.strip().split(".")
    try:
        if len(parts) != 3:
            raise ValueError("three parts")
        header, claims = (json.loads(from_base64url(part)) for part in parts[:2])
        signature = from_base64url(parts[2])
        kid, starts, expires = str(header["kid"]), float(claims.get("nbf", 0)), float(claims["exp"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CommandError("this is not a token of ours; a token has three parts with dots between them") from None
    time = now.timestamp()
    state: Literal["valid", "expired", "not yet valid"] = "valid"
    if time >= expires:
        state = "expired"
    elif time < starts:
        state = "not yet valid"
    verdict = _check(header, f"{parts[0]}.{parts[1]}".encode(), signature, signing_keys)
    return Inspection(kid=kid, claims=claims, signature=verdict, state=state)


def _check(header: dict[str, Any], message: bytes, signature: bytes, keys: Sequence[SigningKey]) -> Signature:
    found = next((key for key in keys if key.kid == header["kid"]), None)
    if found is None:
        return "unknown key"
    public = load_der_public_key(base64.b64decode(found.public_key))
    if header.get("alg") != "ES256" or len(signature) != 64 or not isinstance(public, ec.EllipticCurvePublicKey):
        return "bad"
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return "bad"
    return "good"
