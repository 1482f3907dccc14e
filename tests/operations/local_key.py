"""A signing key in memory that answers `Sign` as KMS does."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.gateway.configuration import SigningKey


class LocalKey:
    """What `boto3.client("kms")` is to the token functions."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self._private = ec.generate_private_key(ec.SECP256R1())
        self.signed = 0

    def sign(self, **request: Any) -> dict[str, bytes]:
        assert request["MessageType"] == "RAW"
        assert request["SigningAlgorithm"] == "ECDSA_SHA_256"
        assert len(request["Message"]) <= 4096
        self.signed += 1
        return {"Signature": self._private.sign(request["Message"], ec.ECDSA(SHA256()))}

    def public(self) -> SigningKey:
        der = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return SigningKey(kid=self.kid, public_key=base64.b64encode(der).decode())
