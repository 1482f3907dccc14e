"""Brings one revision of a model from the weight cache to a local disk, verified."""

import fcntl
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.weights.manifest import NAME, LoaderError, Manifest, WeightFile, parse_manifest
from images.weights.partial import CHUNK_BYTES, sync_folder
from images.weights.store import Store
from images.weights.transfer import StoppedError, Transfer

MARKER: Final = ".complete"
LOCK: Final = ".lock"
PROGRESS_SECONDS: Final = 10.0
# Left free: the engine and the node need room as well.
RESERVE_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was done; the bytes that were not fetched were there already."""

    model: str
    revision: str
    total_bytes: int
    fetched_bytes: int
    seconds: float

    def line(self) -> str:
        """The metrics line."""
        numbers = {
            "event": "complete",
            "model": self.model,
            "revision": self.revision,
            "total_bytes": self.total_bytes,
            "fetched_bytes": self.fetched_bytes,
            "seconds": round(self.seconds, 3),
            "gb_per_second": round(self.fetched_bytes / self.seconds / 1e9, 3),
        }
        return json.dumps(numbers)


def fetch(
    *,
    bucket: str,
    model: str,
    revision: str,
    manifest_sha256: str,
    target: Path,
    workers: int = 8,
    wait_seconds: float = 3600.0,
) -> Result:
    """Fetches what is missing into `target/<model>/<revision>` and writes the marker last.

    Args:
        bucket: the weight cache.
        model: the lock file's name.
        revision: the lock file's revision.
        manifest_sha256: digest of the manifest as it follows from the lock file, whatever the bucket holds.
        target: folder on a local disk.
        workers: connections at once.
        wait_seconds: how long to wait for another loader that fetches the same.

    Raises:
        LoaderError: with one line for people; what was fetched is kept for the next start.
    """
    started = time.monotonic()
    folder = target / model / revision
    try:
        folder.mkdir(parents=True, exist_ok=True)
        guard = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LoaderError(f"{folder}: {error.strerror}; mount a folder that user {os.getuid()} may write") from None
    with _only_loader(guard, folder, wait_seconds):
        manifest, fetched = _kept_manifest(folder, manifest_sha256), 0
        if manifest is None or not _complete(folder, manifest):
            with closing(Store(bucket, f"models/{model}/{revision}/", CHUNK_BYTES)) as store:
                content = store.read(NAME)
                manifest = parse_manifest(content, manifest_sha256)
                (folder / MARKER).unlink(missing_ok=True)
                fetched = _fetch_files(store, folder, manifest, workers)
            _write_durably(folder / NAME, content)
            _write_durably(folder / MARKER, f"{manifest.sha256}\n".encode())
    return Result(
        model=model,
        revision=revision,
        total_bytes=manifest.size_bytes,
        fetched_bytes=fetched,
        seconds=time.monotonic() - started,
    )


@contextmanager
def _only_loader(guard: int, folder: Path, wait_seconds: float) -> Iterator[None]:
    """One loader works on a folder at a time; the lock vanishes with its process."""
    deadline = time.monotonic() + wait_seconds
    try:
        while True:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LoaderError(f"{folder}: another loader has held it for {wait_seconds:.0f} s") from None
                time.sleep(0.2)
        yield
    finally:
        os.close(guard)


def _kept_manifest(folder: Path, expected_sha256: str) -> Manifest | None:
    """The manifest of an earlier fetch, so that a complete folder needs no network."""
    try:
        content = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return None
    return parse_manifest(content, expected_sha256) if hashlib.sha256(content).hexdigest() == expected_sha256 else None


def _complete(folder: Path, manifest: Manifest) -> bool:
    marker = folder / MARKER
    if not marker.exists() or marker.read_text(encoding="utf-8").strip() != manifest.sha256:
        return False
    return not _lacking(folder, manifest)


def _lacking(folder: Path, manifest: Manifest) -> list[WeightFile]:
    """Files without their final name: that name is given to verified bytes only."""
    return [file for file in manifest.files if _size(folder / file.path) != file.size_bytes]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _fetch_files(store: Store, folder: Path, manifest: Manifest, workers: int) -> int:
    """Bytes fetched."""
    lacking = _lacking(folder, manifest)
    _check_room(folder, lacking)
    transfer = Transfer(store, folder, lacking)
    total = sum(file.size_bytes for file in lacking)
    finished = threading.Event()
    reporter = threading.Thread(target=_report, args=(transfer, total, finished), daemon=True)
    reporter.start()
    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
            futures = [pool.submit(transfer.work) for _ in range(workers)]
    finally:
        finished.set()
        transfer.close()
    errors = [error for future in futures if (error := future.exception())]
    # The cause first; the other workers only report that they stopped.
    for error in sorted(errors, key=lambda error: isinstance(error, StoppedError)):
        raise error
    return transfer.fetched_bytes


def _check_room(folder: Path, lacking: list[WeightFile]) -> None:
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    present = sum(_allocated(folder / f"{file.path}.partial") for file in lacking)
    needed = sum(file.size_bytes for file in lacking) - present
    if needed + RESERVE_BYTES > free:
        raise LoaderError(
            f"{folder}: {needed / 1e9:.2f} GB are missing and the disk has {free / 1e9:.2f} GB free; "
            "use a machine type with a larger NVMe disk, or make room"
        )


def _allocated(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def _report(transfer: Transfer, total: int, finished: threading.Event) -> None:
    started = time.monotonic()
    while not finished.wait(PROGRESS_SECONDS):
        fetched, seconds = transfer.fetched_bytes, time.monotonic() - started
        rate = fetched / seconds
        left = f", about {(total - fetched) / rate:.0f} s left" if rate else ""
        line = f"{fetched / 1e9:.2f} of at most {total / 1e9:.2f} GB, {rate / 1e9:.2f} GB/s{left}"
        print(line, file=sys.stderr, flush=True)


def _write_durably(path: Path, content: bytes) -> None:
    scratch = path.with_name(f"{path.name}.new")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    sync_folder(path.parent)
