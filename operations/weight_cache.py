"""Where a model lies in the weight cache, and what lies there."""

import re
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from components.model.loader import revision_prefix
from components.model.lock import ModelLock
from components.settings.layer import PlatformSettings
from components.settings.load import load_stack
from operations.deployed import outputs
from operations.errors import CommandError

DIGEST_KEY: Final = "sha256"
"""Name of the object metadata that holds the digest a push computed while the bytes passed."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The weight cache of a platform stack; `kms_key_arn` encrypts what lies in it."""

    bucket: str
    region: str
    kms_key_arn: str


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One object.

    Attributes:
        size_bytes: of it.
        sha256: what its push recorded, or None.
        kms_key_arn: the key that encrypts it; empty where none of KMS does.
    """

    size_bytes: int
    sha256: str | None
    kms_key_arn: str


def cache_of(stack: str) -> Cache:
    """The weight cache that a platform stack says it has.

    Raises:
        SettingsError: there is no such stack file, or it holds problems.
        CommandError: the stack is of another layer, was never deployed, or by an older program.
    """
    settings = load_stack(stack)
    if not isinstance(settings, PlatformSettings):
        raise CommandError(f"stack {stack!r} is of layer {settings.layer}; the weight cache is a platform stack's")
    found = outputs(stack)
    if missing := [name for name in ("weight_cache_bucket_name", "storage_key_arn") if not found.get(name)]:
        raise CommandError(f"stack {stack!r} has no output {missing[0]!r}; run `pulumi up --stack {stack}` again")
    return Cache(bucket=found["weight_cache_bucket_name"], region=settings.region, kms_key_arn=found["storage_key_arn"])


def s3_of(cache: Cache) -> Any:
    """A client of S3 in the cache's region.

    Raises:
        CommandError: the machine's AWS configuration is of no use.
    """
    import boto3

    try:
        return boto3.client("s3", region_name=cache.region)
    except (BotoCoreError, ValueError) as error:
        raise CommandError(f"AWS: {' '.join(str(error).split())}; check AWS_PROFILE and the AWS variables") from None


def prefix(lock: ModelLock) -> str:
    """Where the revision's objects begin."""
    return revision_prefix(lock.name, lock.revision)


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
                found[path] = StoredFile(
                    size_bytes=item["Size"],
                    sha256=head["Metadata"].get(DIGEST_KEY),
                    kms_key_arn=head.get("SSEKMSKeyId", ""),
                )
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"s3://{bucket}/{prefix(lock)}: {refusal(error)}") from None
    return found


def refusal(error: ClientError | BotoCoreError) -> str:
    """AWS's answer as a line that names the way out."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "no credentials of AWS; sign in, or set AWS_PROFILE"
    if not isinstance(error, ClientError):
        words = re.sub(r"\?[^\"\s]*", "", " ".join(str(error).split()))
        return f"{words}; the cache is reached from its network, with your AWS profile"
    code = error.response["Error"]["Code"]
    ways = {
        "NoSuchBucket": "no such bucket; is the platform stack up, and is this its output weight_cache_bucket_name?",
        "AccessDenied": "access denied; take a role that may write the weight cache, from inside its network",
        "ExpiredToken": "the credentials have expired; sign in again",
        "403": "access denied; take a role that may write the weight cache, from inside its network",
    }
    return ways.get(code, f"{code}: {error.response['Error'].get('Message', '')}")
