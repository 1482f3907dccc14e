"""Compares what lies in the weight cache with a lock file; `components.model.files` does the same for a folder."""

import hashlib
from typing import Any

from components.model.lock import MANIFEST, ModelLock, manifest
from operations.weight_cache import object_key, stored_files


def verify_bucket(
    lock: ModelLock, bucket: str, s3: Any, *, kms_key_arn: str | None = None, read_all: bool = False
) -> list[str]:
    """Every difference between the weight cache and the lock.

    Args:
        lock: a complete lock.
        bucket: the weight cache.
        s3: boto3's S3 client.
        kms_key_arn: the key that must encrypt every object; None for any.
        read_all: read every byte and compute digests anew, instead of trusting the digest that the push recorded.
    """
    problems = []
    stored = stored_files(lock, bucket, s3)
    for file in lock.files:
        found = stored.get(file.path)
        where = f"s3://{bucket}/{object_key(lock, file.path)}"
        if found is None:
            problems.append(f"{where}: missing; push the model")
            continue
        digest = _object_sha256(bucket, object_key(lock, file.path), s3) if read_all else found.sha256
        if found.size_bytes != file.size_bytes:
            problems.append(f"{where}: {found.size_bytes} bytes, the lock says {file.size_bytes}; push the model again")
        elif digest != file.sha256:
            problems.append(f"{where}: sha256 is {digest}, the lock says {file.sha256}; push the model again")
    for path, found in stored.items():
        if kms_key_arn is not None and found.kms_key_arn != kms_key_arn:
            key = found.kms_key_arn or "no key of KMS"
            where = f"s3://{bucket}/{object_key(lock, path)}"
            problems.append(f"{where}: encrypted with {key}, the platform's is {kms_key_arn}; push the model again")
    where = f"s3://{bucket}/{object_key(lock, MANIFEST)}"
    if MANIFEST not in stored:
        problems.append(f"{where}: missing, so no loader takes the model; push it")
    elif s3.get_object(Bucket=bucket, Key=object_key(lock, MANIFEST))["Body"].read() != manifest(lock):
        problems.append(f"{where}: differs from what the lock says; push the model again")
    known = {file.path for file in lock.files} | {MANIFEST}
    problems += [
        f"s3://{bucket}/{object_key(lock, path)}: not in the lock; delete it" for path in sorted(set(stored) - known)
    ]
    return problems


def _object_sha256(bucket: str, key: str, s3: Any) -> str:
    digest = hashlib.sha256()
    for piece in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(2**20):
        digest.update(piece)
    return digest.hexdigest()
