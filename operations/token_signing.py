"""A token's text: JWT claims, signed by a KMS key that nobody can read (ES256)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from components.gateway.configuration import base64url
from operations.errors import CommandError

LONGEST_MESSAGE_BYTES: Final = 4096
"""What KMS signs as it is (`MessageType=RAW`), and the longest token that a gateway remembers."""


def key_name(signing_key: str) -> str:
    """The `kid` of a KMS key: the last part of its id, ARN or alias."""
    return signing_key.rsplit("/", 1)[-1]


def sign(claims: Mapping[str, Any], *, signing_key: str, kms: Any) -> str:
    """Let KMS sign the claims.

    Raises:
        CommandError: the claims are too long for one call.
    """
    header = {"alg": "ES256", "kid": key_name(signing_key), "typ": "JWT"}
    parts = [base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
    message = ".".join(parts).encode()
    if len(message) > LONGEST_MESSAGE_BYTES:
        raise CommandError(
            f"the token would have {len(message)} bytes, KMS signs at most {LONGEST_MESSAGE_BYTES}; name fewer models"
        )
    answer = kms.sign(KeyId=signing_key, Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
    r, s = decode_dss_signature(answer["Signature"])
    return f"{message.decode()}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
