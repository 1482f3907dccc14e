"""Public keys as KMS gives them, turned into the key set that Envoy verifies tokens with."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Final

from components.gateway.configuration.plan import SigningKey

# SubjectPublicKeyInfo of an uncompressed P-256 point: a fixed header, then 0x04, x, y (RFC 5480).
P256_HEADER: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
COORDINATE_BYTES: Final = 32


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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
    return {**names, "x": _base64url(x), "y": _base64url(y)}


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
