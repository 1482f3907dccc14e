"""A folder of a node that many pods share: who uses which revision, and which one makes room for another."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.weights.manifest import NAME, LoaderError, manifest_bytes
from images.weights.partial import sync_folder

MARKER: Final = ".complete"
LOCK: Final = ".lock"
IN_USE: Final = ".in-use"
ROOM: Final = ".room"
STAY: Final = frozenset({LOCK, IN_USE})
# Left free: the engine and the node need room as well.
RESERVE_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Cached:
    """One revision on the disk; `used` is when a loader last asked for it."""

    folder: Path
    size_bytes: int
    used: float


def make_room(target: Path, folder: Path, needed_bytes: int, total_bytes: int, limit_bytes: int | None) -> list[str]:
    """Evicts revisions that were not used for longest until the new one fits, and gives their names.

    Call it under `only_one(target / ROOM)`, and write the manifest before that is left: it reserves the room.

    Args:
        target: the folder of all models.
        folder: the revision that needs room; it is never evicted.
        needed_bytes: what it lacks on disk.
        total_bytes: all of it.
        limit_bytes: what all revisions together may take; None when only the disk limits them, and nothing is evicted.

    Raises:
        LoaderError: it does not fit, whatever may be evicted.
    """
    evicted: list[str] = []
    if limit_bytes is not None:
        if total_bytes > limit_bytes:
            raise LoaderError(
                f"{folder}: {total_bytes / 1e9:.2f} GB, the cache may hold {limit_bytes / 1e9:.2f} GB; raise its limit"
            )
        others = sorted((one for one in cached(target) if one.folder != folder), key=lambda one: one.used)
        held = sum(one.size_bytes for one in others)
        for one in others:
            if held + total_bytes <= limit_bytes and needed_bytes + RESERVE_BYTES <= free_bytes(target):
                break
            if _evict(one.folder):
                held -= one.size_bytes
                evicted.append(one.folder.relative_to(target).as_posix())
        if held + total_bytes > limit_bytes:
            raise LoaderError(
                f"{folder}: {total_bytes / 1e9:.2f} GB more than the {held / 1e9:.2f} GB in use pass the cache's limit "
                f"of {limit_bytes / 1e9:.2f} GB; raise it, or run fewer models on this node"
            )
    free = free_bytes(target)
    if needed_bytes + RESERVE_BYTES > free:
        raise LoaderError(
            f"{folder}: {needed_bytes / 1e9:.2f} GB are missing and the disk has {free / 1e9:.2f} GB free; "
            "use a machine type with a larger NVMe disk, or make room"
        )
    return evicted


def cached(target: Path) -> list[Cached]:
    """Every revision that takes room below the folder, whole or not."""
    found = []
    for lock in target.glob(f"*/*/{LOCK}"):
        folder = lock.parent
        if size := max(manifest_bytes(folder / NAME), _allocated(folder)):
            found.append(Cached(folder=folder, size_bytes=size, used=_used(folder)))
    return found


def touch(folder: Path) -> None:
    """Notes that the revision is used now."""
    with (folder / IN_USE).open("a"):
        os.utime(folder / IN_USE)


@contextmanager
def only_one(path: Path, wait_seconds: float) -> Iterator[None]:
    """One process at a time; the lock vanishes with its process.

    Raises:
        LoaderError: another one has held it for too long, or it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        guard = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LoaderError(
            f"{path.parent}: {error.strerror}; mount a folder that user {os.getuid()} may write"
        ) from None
    deadline = time.monotonic() + wait_seconds
    try:
        while not _locked(guard, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise LoaderError(f"{path.parent}: another loader has held it for {wait_seconds:.0f} s")
            time.sleep(0.2)
        yield
    finally:
        os.close(guard)


def hold(folder: Path) -> int:
    """Marks the revision as used for as long as the process lives or the descriptor is open: nobody evicts it."""
    guard = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT, 0o644)
    # An eviction tries for a moment only.
    fcntl.flock(guard, fcntl.LOCK_SH)
    return guard


def free_bytes(folder: Path) -> int:
    """What the disk has left."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _evict(folder: Path) -> bool:
    """False when somebody uses or fetches it. The marker goes first, so that what is left is never taken for whole."""
    guards = []
    try:
        for name in (LOCK, IN_USE):
            guards.append(os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644))
            if not _locked(guards[-1], fcntl.LOCK_EX):
                return False
        (folder / MARKER).unlink(missing_ok=True)
        sync_folder(folder)
        # The lock files stay: whoever waits for one has it open already.
        for path in folder.iterdir():
            if path.name in STAY:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        return True
    finally:
        for guard in guards:
            os.close(guard)


def _locked(guard: int, how: int) -> bool:
    try:
        fcntl.flock(guard, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _allocated(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512 if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _used(folder: Path) -> float:
    try:
        return (folder / IN_USE).stat().st_mtime
    except FileNotFoundError:
        return 0.0
