"""How the loader image is told what to fetch, and where an engine finds it afterwards."""

from typing import Final

from components.model.lock import ModelLock, manifest_sha256, require_complete

MODELS: Final = "/models"
"""The volume that loader and engine share."""

CACHED_MODELS: Final = "models/"
"""Where the weight cache has all models."""

HOLD_PORT: Final = 8001
"""Where a loader that stays beside its engine answers `/metrics`."""


def model_path(lock: ModelLock) -> str:
    """Where the loader puts the model and the engine finds it."""
    return f"{MODELS}/{lock.name}/{lock.revision}"


def revision_prefix(name: str, revision: str | None) -> str:
    """Where the objects of a revision begin in the weight cache."""
    return f"{CACHED_MODELS}{name}/{revision}/"


def stream_address(lock: ModelLock, bucket: str) -> str:
    """Where an engine that streams finds the same files itself.

    Raises:
        SettingsError: the lock is incomplete.
    """
    require_complete(lock)
    return f"s3://{bucket}/{revision_prefix(lock.name, lock.revision)}".removesuffix("/")


def fetch_arguments(lock: ModelLock, bucket: str, limit_bytes: int | None = None) -> list[str]:
    """Arguments of the loader image; the digest is the lock's, so that a bucket that was tampered with is found out.

    Args:
        lock: the model.
        bucket: the weight cache.
        limit_bytes: where many models share the folder: what they may take. The loader then stays, so that none of the
            others removes the model while it is in use.

    Raises:
        SettingsError: the lock is incomplete.
    """
    digest = manifest_sha256(lock)
    where = ["--bucket", bucket, "--model", lock.name, "--revision", str(lock.revision)]
    shared = [] if limit_bytes is None else ["--limit-bytes", str(limit_bytes), "--hold", f"0.0.0.0:{HOLD_PORT}"]
    return ["fetch", *where, "--manifest-sha256", digest, "--target", MODELS, *shared]
