"""Brings one revision of a model from the weight cache to a local disk, verified."""

import hashlib
import json
import os
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.weights.manifest import NAME, Manifest, WeightFile, parse_manifest
from images.weights.node_cache import LOCK, MARKER, ROOM, hold, make_room, only_one, touch
from images.weights.partial import write_durably
from images.weights.store import Store
from images.weights.transfer import Transfer

PROGRESS_SECONDS: Final = 10.0
# Small enough to stay in a processor's cache from the socket to the digest.
RECEIVE_BYTES: Final = 2**18


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was done; the bytes that were not fetched were there already.

    Until `release`, the revision counts as used and nobody evicts it.
    """

    model: str
    revision: str
    total_bytes: int
    fetched_bytes: int
    seconds: float
    evicted: tuple[str, ...] = ()
    held: int = -1

    def numbers(self) -> dict[str, float]:
        """What is measured, in units that the names end in."""
        return {
            "total_bytes": self.total_bytes,
            "fetched_bytes": self.fetched_bytes,
            "seconds": round(self.seconds, 3),
            "gb_per_second": round(self.fetched_bytes / self.seconds / 1e9, 3),
        }

    def line(self) -> str:
        """One line of JSON."""
        who = {"event": "complete", "model": self.model, "revision": self.revision}
        return json.dumps({**who, **self.numbers(), **({"evicted": self.evicted} if self.evicted else {})})

    def exposition(self) -> str:
        """The same in Prometheus' text format, for node-exporter's folder of text files."""
        labels = f'{{model="{self.model}",revision="{self.revision}"}}'
        lines = []
        for name, value in {**self.numbers(), "evicted_revisions": len(self.evicted)}.items():
            lines += [f"# TYPE cloister_weights_{name} gauge", f"cloister_weights_{name}{labels} {value}"]
        return "\n".join(lines) + "\n"

    def release(self) -> None:
        """Lets others evict the revision; the end of the process does the same."""
        if self.held >= 0:
            os.close(self.held)


def fetch(
    *,
    bucket: str,
    model: str,
    revision: str,
    manifest_sha256: str,
    target: Path,
    workers: int = 8,
    wait_seconds: float = 3600.0,
    limit_bytes: int | None = None,
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
        limit_bytes: what all models below `target` may take; those that were not used for longest make room.

    Raises:
        LoaderError: with one line for people; what was fetched is kept for the next start.
    """
    started = time.monotonic()
    folder = target / model / revision
    evicted: list[str] = []
    with only_one(folder / LOCK, wait_seconds):
        touch(folder)
        manifest, fetched = _kept_manifest(folder, manifest_sha256), 0
        if manifest is None or not _complete(folder, manifest):
            store = Store(bucket, f"models/{model}/{revision}/", RECEIVE_BYTES)
            content = store.read(NAME)
            manifest = parse_manifest(content, manifest_sha256)
            (folder / MARKER).unlink(missing_ok=True)
            with only_one(target / ROOM, wait_seconds):
                missing = _missing_bytes(folder, manifest)
                evicted = make_room(target, folder, missing, manifest.size_bytes, limit_bytes)
                write_durably(folder / NAME, content)
            fetched = _fetch_files(store, folder, manifest, workers)
            write_durably(folder / MARKER, f"{manifest.sha256}\n".encode())
        held = hold(folder)
    return Result(
        model=model,
        revision=revision,
        total_bytes=manifest.size_bytes,
        fetched_bytes=fetched,
        seconds=time.monotonic() - started,
        evicted=tuple(evicted),
        held=held,
    )


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
    total = sum(file.size_bytes for file in lacking)
    finished = threading.Event()
    with closing(Transfer(store, folder, lacking, workers)) as transfer:
        threading.Thread(target=_report, args=(transfer, total, finished), daemon=True).start()
        try:
            transfer.run()
        finally:
            finished.set()
        return transfer.fetched_bytes


def _missing_bytes(folder: Path, manifest: Manifest) -> int:
    lacking = _lacking(folder, manifest)
    return sum(file.size_bytes - _allocated(folder / f"{file.path}.partial") for file in lacking)


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
