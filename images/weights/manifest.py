"""The list of files that the loader was told to expect."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

NAME: Final = "manifest.json"


class LoaderError(Exception):
    """One line for people: what is wrong, where, and the way out."""


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """One file of the model and the digest that it must have."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The files of one revision; `sha256` is the manifest's own digest."""

    files: tuple[WeightFile, ...]
    sha256: str

    @property
    def size_bytes(self) -> int:
        """Sum over all files."""
        return sum(file.size_bytes for file in self.files)


def parse_manifest(content: bytes, expected_sha256: str) -> Manifest:
    """The manifest, after its digest was found to be the expected one.

    Raises:
        LoaderError: the digest differs, or a path leads out of the target folder.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected_sha256:
        raise LoaderError(
            f"{NAME}: sha256 is {digest}, expected {expected_sha256}; the bucket does not hold what the lock file names"
        )
    entries = json.loads(content)["files"]
    files = tuple(
        WeightFile(path=entry["path"], size_bytes=entry["size_bytes"], sha256=entry["sha256"]) for entry in entries
    )
    for file in files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or path.name.startswith("."):
            raise LoaderError(f"{NAME}: {file.path!r} is not a plain relative path; write the lock file anew")
    return Manifest(files=files, sha256=digest)


def manifest_bytes(path: Path) -> int:
    """What a kept manifest says its files take; 0 when there is none that can be read."""
    try:
        return sum(int(entry["size_bytes"]) for entry in json.loads(path.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
