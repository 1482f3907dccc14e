"""Where S3 is and who asks it: by our own few lines in a pod, by boto3 anywhere else.

Importing boto3 takes half a second of processor time, which is a large part of a small model's start. What a pod of the
cluster has is simple: a region, and credentials from variables or from the Pod Identity agent.
"""

import hashlib
import hmac
import importlib.util
import ipaddress
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, urlsplit

from images.weights.manifest import LoaderError

# With one of these, or a file of settings, the answer takes more than a few lines.
OTHERS: Final = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_S3", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"),
    *(
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ),
)
FILES: Final = ("~/.aws/config", "~/.aws/credentials")
DOMAINS: Final = {"eusc-": "amazonaws.eu"}
NO_BODY: Final = hashlib.sha256(b"").hexdigest()
REFRESH_SECONDS: Final = 600
ANSWERED: Final = frozenset({"AccessKeyId", "SecretAccessKey", "Token", "Expiration"})
AGENT_SECONDS: Final = 5.0
AGENT_ATTEMPTS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Credentials of a moment."""

    access_key: str
    secret_key: str
    token: str | None


class Access(Protocol):
    """What a signed request needs."""

    region: str
    address: SplitResult

    def keys(self) -> Keys:
        """Credentials that are valid now."""


def access(bucket: str) -> Access:
    """Ours where it is enough, boto3's otherwise.

    Raises:
        LoaderError: there are no credentials, or no region.
    """
    return PodAccess.found(bucket) or BotoAccess(bucket)


def region() -> str | None:
    """Where the bucket is. boto3 alone does not read AWS_REGION, and would ask us-east-1."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


class PodAccess:
    """A region and credentials that stand in variables or come from the Pod Identity agent."""

    def __init__(self, region: str, address: SplitResult) -> None:
        self.region, self.address = region, address
        self._keys: Keys | None = None
        self._until = 0.0

    @classmethod
    def found(cls, bucket: str) -> "PodAccess | None":
        """None where more is set than this knows."""
        variables = os.environ
        place = region()
        if not place or any(name in variables for name in OTHERS) or "." in bucket:
            return None
        if any(Path(name).expanduser().exists() for name in FILES):
            return None
        if not ("AWS_ACCESS_KEY_ID" in variables or "AWS_CONTAINER_CREDENTIALS_FULL_URI" in variables):
            return None
        given = variables.get("AWS_ENDPOINT_URL")
        if given and not _is_address(urlsplit(given).hostname):
            return None
        domain = next((it for start, it in DOMAINS.items() if place.startswith(start)), "amazonaws.com")
        address = f"{given.rstrip('/')}/{bucket}/" if given else f"https://{bucket}.s3.{place}.{domain}/"
        return cls(place, urlsplit(address))

    def keys(self) -> Keys:
        """As the protocol says; the agent is asked again before they expire.

        Raises:
            LoaderError: the agent does not answer.
        """
        if self._keys is None or time.time() > self._until:
            self._keys, self._until = self._fresh()
        return self._keys

    def _fresh(self) -> tuple[Keys, float]:
        variables = os.environ
        if "AWS_ACCESS_KEY_ID" in variables:
            keys = Keys(
                access_key=variables["AWS_ACCESS_KEY_ID"],
                secret_key=variables.get("AWS_SECRET_ACCESS_KEY", ""),
                token=variables.get("AWS_SESSION_TOKEN"),
            )
            return keys, float("inf")
        answer = _ask_agent(variables)
        until = datetime.fromisoformat(answer["Expiration"]).timestamp() - REFRESH_SECONDS
        keys = Keys(access_key=answer["AccessKeyId"], secret_key=answer["SecretAccessKey"], token=answer["Token"])
        return keys, until


class BotoAccess:
    """The default chain of AWS's own library: files, profiles, roles, machines."""

    def __init__(self, bucket: str) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        session = boto3.Session(region_name=region())
        self._credentials: Any = session.get_credentials()
        if self._credentials is None:
            raise LoaderError("no AWS credentials found; give the pod an identity that may read the bucket")
        try:
            # Left alone it takes the address of us-east-1 for signed ones of any region.
            style = None if "AWS_ENDPOINT_URL" in os.environ else {"addressing_style": "virtual"}
            client: Any = session.client("s3", config=Config(signature_version="s3v4", s3=style))
            # The address as boto3 forms it: endpoint, region and style of the bucket's name.
            place = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"})
        except BotoCoreError as error:
            raise LoaderError(f"{error}; set AWS_REGION") from None
        self.region: str = client.meta.region_name
        self.address = urlsplit(place.split("?")[0].removesuffix("x"))
        client.close()

    def keys(self) -> Keys:
        """As the protocol says; the library refreshes them."""
        frozen = self._credentials.get_frozen_credentials()
        return Keys(access_key=frozen.access_key, secret_key=frozen.secret_key, token=frozen.token)


def sign(access: Access, path: str, moment: datetime | None = None) -> dict[str, str]:
    """Headers of a signed GET; further ones may be added and are not signed.

    Args:
        access: where and who.
        path: quoted, from the root of the host.
        moment: of the signature; now.
    Source: AWS, "Create a signed AWS API request", Signature Version 4.
    """
    keys, when = access.keys(), (moment or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": access.address.netloc, "x-amz-content-sha256": NO_BODY, "x-amz-date": when}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(headers)
    lines = ["GET", path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, NO_BODY]
    scope = f"{when[:8]}/{access.region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    secret = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{digest}".encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}"
    return {**headers, "authorization": f"{credential}, SignedHeaders={names}, Signature={signature}"}


def authorities() -> str | None:
    """File of the certificate authorities that are trusted: the given one, or those that AWS's library brings."""
    if given := os.environ.get("AWS_CA_BUNDLE"):
        return given
    for name in ("certifi", "botocore"):
        found = importlib.util.find_spec(name)
        if found and found.origin:
            return str(Path(found.origin).parent / "cacert.pem")
    return None


def _ask_agent(variables: Mapping[str, str]) -> Any:
    import urllib.request

    token = variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if name := variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        token = Path(name).read_text(encoding="utf-8").strip()
    where = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    request = urllib.request.Request(where, headers={"Authorization": token})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for attempt in range(1, AGENT_ATTEMPTS + 1):
        try:
            with opener.open(request, timeout=AGENT_SECONDS) as answer:
                found = json.load(answer)
            if not found.keys() >= ANSWERED:
                raise ValueError(f"the answer has {', '.join(sorted(found))}")
            return found
        except (OSError, ValueError) as error:
            if attempt == AGENT_ATTEMPTS:
                raise LoaderError(f"{where}: no credentials: {error}; check the Pod Identity agent") from None
            time.sleep(0.2 * 2**attempt)


def _is_address(host: str | None) -> bool:
    try:
        return bool(ipaddress.ip_address(host or ""))
    except ValueError:
        return False
