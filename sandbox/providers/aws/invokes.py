"""The lookups that a program may make."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.providers.serve import ProviderError

from .account import Account


def invoke(account: Account, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a lookup.

    Raises:
        ProviderError: the stand-in does not have the lookup, or the service refuses.
    """
    call = _INVOKES.get(token)
    if call is None:
        raise ProviderError(f"{token}: this stand-in has no such lookup; it has {', '.join(sorted(_INVOKES))}")
    try:
        return call(account, arguments)
    except ClientError as error:
        detail = error.response["Error"]
        raise ProviderError(f"{token}: {detail['Code']}: {detail['Message']}") from None


def _public_key(account: Account, arguments: Mapping[str, Any]) -> dict[str, Any]:
    key = account.client("kms").get_public_key(KeyId=arguments["keyId"])
    der = base64.b64encode(key["PublicKey"]).decode()
    lines = "\n".join(der[start : start + 64] for start in range(0, len(der), 64))
    return {
        "id": key["KeyId"],
        "keyId": arguments["keyId"],
        "arn": key["KeyId"],
        "grantTokens": arguments.get("grantTokens"),
        "customerMasterKeySpec": key.get("KeySpec", ""),
        "keyUsage": key["KeyUsage"],
        "encryptionAlgorithms": key.get("EncryptionAlgorithms", []),
        "signingAlgorithms": key.get("SigningAlgorithms", []),
        "publicKey": der,
        "publicKeyPem": f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n",
        "region": account.region,
    }


def _caller(account: Account, arguments: Mapping[str, Any]) -> dict[str, Any]:
    caller = account.client("sts").get_caller_identity()
    return {
        "id": caller["Account"],
        "accountId": caller["Account"],
        "arn": caller["Arn"],
        "userId": caller["UserId"],
    }


_INVOKES: Final[Mapping[str, Callable[[Account, Mapping[str, Any]], dict[str, Any]]]] = {
    "aws:kms/getPublicKey:getPublicKey": _public_key,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
}
