"""A small model with a lock, for tests of the loader."""

import hashlib
from pathlib import Path
from typing import Final

from components.model.lock import LockedFile, ModelLock, load_lock

ROOT: Final = Path(__file__).parents[2]
BUCKET: Final = "weights"
REVISION: Final = "a" * 40
PREFIX: Final = f"models/small/{REVISION}/"


def locked(files: dict[str, bytes], revision: str = REVISION) -> ModelLock:
    """A lock of these files."""
    lock = load_lock(ROOT / "models" / "smollm2-135m-instruct.lock.yaml")
    entries = tuple(
        LockedFile(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in files.items()
    )
    return lock.model_copy(update={"name": "small", "revision": revision, "files": entries, "weights_bytes": 1})


def folder_of(target: Path, revision: str = REVISION) -> Path:
    """Where the loader puts it."""
    return target / "small" / revision
