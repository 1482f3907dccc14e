"""Where a model lies in the weight cache, and what lies there."""

from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from components.model.lock import ModelLock
from operations.errors import CommandError

DIGEST_KEY: Final = "sha256"
"""Name of the object metadata that holds the digest a push computed while the bytes passed."""


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One object; `sha256` is what its push recorded, or None."""

    size_bytes: int
    sha256: str | None


def prefix(lock: ModelLock) -> str:
    """Where the revision's objects begin."""
    return f"models/{lock.name}/{lock.revision}/"


def object_key(lock: ModelLock, path: str) -> str:
    """The key of one file."""
    return prefix(lock) + path


def stored_files(lock: ModelLock, bucket: str, s3: Any) -> dict[str, StoredFile]:
    """Path -> object, for everything below the revision's prefix.

    Raises:
        CommandError: the bucket is missing or may not be read.
    """
    found = {}
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix(lock)):
            for item in page.get("Contents", ()):
                head = s3.head_object(Bucket=bucket, Key=item["Key"])
                path = item["Key"].removeprefix(prefix(lock))
                found[path] = StoredFile(size_bytes=item["Size"], sha256=head["Metadata"].get(DIGEST_KEY))
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"s3://{bucket}/{prefix(lock)}: {refusal(error)}") from None
    return found


def refusal(error: ClientError | BotoCoreError) -> str:
    """AWS's answer as a line that names the way out."""
    if not isinstance(error, ClientError):
        return str(error)
    code = error.response["Error"]["Code"]
    ways = {
        "NoSuchBucket": "no such bucket; is the platform stack up, and is this its output weight_cache_bucket_name?",
        "AccessDenied": "access denied; take a role that may write the weight cache, from inside its network",
        "ExpiredToken": "the credentials have expired; sign in again",
        "403": "access denied; take a role that may write the weight cache, from inside its network",
    }
    return ways.get(code, f"{code}: {error.response['Error'].get('Message', '')}")
