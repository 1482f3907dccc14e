"""Compares a folder's bytes with a lock file."""

import hashlib
from pathlib import Path

from components.model.lock import LockedFile, ModelLock


def folder_problems(lock: ModelLock, folder: Path) -> list[str]:
    """Every difference between the files below a folder and the lock; nothing when all bytes are right.

    Args:
        lock: a complete lock.
        folder: where the files lie under the lock's paths; other files are not looked at.
    """
    return [problem for file in lock.files if (problem := _problem(folder / file.path, file))]


def sha256_of(path: Path) -> str:
    """Digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _problem(path: Path, file: LockedFile) -> str:
    if not path.is_file():
        return f"{file.path}: missing"
    size = path.stat().st_size
    if size != file.size_bytes:
        return f"{file.path}: {size} bytes, the lock says {file.size_bytes}"
    digest = sha256_of(path)
    return "" if digest == file.sha256 else f"{file.path}: sha256 is {digest}, the lock says {file.sha256}"
