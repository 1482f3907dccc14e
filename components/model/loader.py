"""How the loader image is told what to fetch, and where an engine finds it afterwards."""

from typing import Final

from components.model.lock import ModelLock, manifest_sha256

MODELS: Final = "/models"
"""The volume that loader and engine share."""


def model_path(lock: ModelLock) -> str:
    """Where the loader puts the model and the engine finds it."""
    return f"{MODELS}/{lock.name}/{lock.revision}"


def fetch_arguments(lock: ModelLock, bucket: str) -> list[str]:
    """Arguments of the loader image; the digest is the lock's, so that a bucket that was tampered with is found out.

    Raises:
        SettingsError: the lock is incomplete.
    """
    digest = manifest_sha256(lock)
    where = ["--bucket", bucket, "--model", lock.name, "--revision", str(lock.revision)]
    return ["fetch", *where, "--manifest-sha256", digest, "--target", MODELS]
