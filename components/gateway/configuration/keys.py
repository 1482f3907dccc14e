"""Public keys as KMS gives them, turned into the key set that Envoy verifies tokens with."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any, Final

from components.gateway.configuration.plan import SigningKey

# SubjectPublicKeyInfo of an uncompressed P-256 point: a fixed header, then 0x04, x, y (RFC 5480).
P256_HEADER: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
COORDINATE_BYTES: Final = 32


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The inverse.

    Raises:
        ValueError: the text is something else.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def json_web_key(key: SigningKey) -> dict[str, str]:
    """One public key as a JWK for ES256.

    Raises:
        ValueError: the text is not a P-256 public key.
    """
    try:
        der = base64.b64decode("".join(key.public_key.split()), validate=True)
    except binascii.Error:
        raise ValueError(f"signing key {key.kid!r}: the public key is not base64") from None
    point = der.removeprefix(P256_HEADER)
    if len(der) != len(P256_HEADER) + 2 * COORDINATE_BYTES or len(point) != 2 * COORDINATE_BYTES:
        raise ValueError(f"signing key {key.kid!r} is not a P-256 public key; create it with ECC_NIST_P256")
    x, y = point[:COORDINATE_BYTES], point[COORDINATE_BYTES:]
    names = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key.kid}
    return {**names, "x": base64url(x), "y": base64url(y)}


def json_web_key_set(keys: Iterable[SigningKey]) -> str:
    """The key set as text.

    Raises:
        ValueError: no key, a key of another kind, or two keys of one name.
    """
    found = [json_web_key(key) for key in keys]
    names = [key["kid"] for key in found]
    if not names:
        raise ValueError("the gateway needs at least one signing key")
    if len(set(names)) != len(names):
        raise ValueError(f"two signing keys have one name: {', '.join(names)}")
    return json.dumps({"keys": found}, separators=(",", ":"))


def signing_keys(key_set: str) -> tuple[SigningKey, ...]:
    """The keys of a JSON Web Key Set (RFC 7517): public keys for ES256, each with a name.

    Raises:
        ValueError: the text is no key set, or holds a private key or one of another kind.
    """
    try:
        entries = json.loads(key_set)["keys"]
    except (ValueError, KeyError, TypeError):
        entries = None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError('this is no JSON Web Key Set; write {"keys": [{"kty": "EC", "crv": "P-256", …}]}')
    return tuple(_signing_key(entry) for entry in entries)


def _signing_key(entry: dict[str, Any]) -> SigningKey:
    kid = entry.get("kid")
    if "d" in entry:
        raise ValueError(f"key {kid!r} is a private key; give its public half, without `d`")
    if not isinstance(kid, str) or (entry.get("kty"), entry.get("crv")) != ("EC", "P-256"):
        raise ValueError(f"key {kid!r} is not one of P-256 with a name; the gateway takes ES256 alone")
    point = b"".join(_coordinate(entry, name) for name in ("x", "y"))
    return SigningKey(kid=kid, public_key=base64.b64encode(P256_HEADER + point).decode())


def _coordinate(entry: dict[str, Any], name: str) -> bytes:
    try:
        found = from_base64url(str(entry.get(name)))
    except ValueError:
        found = b""
    if len(found) != COORDINATE_BYTES:
        raise ValueError(f"key {entry['kid']!r}: `{name}` is not {COORDINATE_BYTES} bytes in base64url")
    return found
