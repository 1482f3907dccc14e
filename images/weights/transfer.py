"""Hands out the missing parts of a model's files to workers, a few files at a time."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.weights.manifest import LoaderError, WeightFile
from images.weights.partial import CHUNK_BYTES, PartialFile
from images.weights.store import Store

PART_BYTES: Final = 16 * CHUNK_BYTES
# Parts of so many files are fetched side by side: as many as there are workers by default, so that each may hash the
# bytes of its file while they are still in the processor's cache.
FILES_AT_ONCE: Final = 8


class StoppedError(Exception):
    """Another worker failed; this one has nothing to add."""


@dataclass
class Active:
    """A file under way: parts that nobody has taken, and how many are not finished."""

    partial: PartialFile
    untaken: list[tuple[int, int]]
    unfinished: int


class Transfer:
    """All files of one fetch; `work` runs in every worker thread until nothing is left."""

    def __init__(self, store: Store, folder: Path, files: Iterable[WeightFile]) -> None:
        self._store, self._folder = store, folder
        self._waiting = list(files)[::-1]
        self._active: list[Active] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._fetched_whole: set[str] = set()
        self.fetched_bytes = 0

    def work(self) -> None:
        """Takes part after part.

        Raises:
            LoaderError: a part cannot be fetched or written, or a file's digest is wrong.
            StoppedError: another worker raised one.
        """
        try:
            while taken := self._take():
                active, (start, end) = taken
                if end > start:
                    self._fetch(active.partial, start, end)
                self._part_done(active)
        except BaseException:
            self._stop.set()
            raise
        finally:
            self._store.release()

    def close(self) -> None:
        """Leaves files that are not finished as they are."""
        for active in self._active:
            active.partial.close()

    def _fetch(self, partial: PartialFile, start: int, end: int) -> None:
        def sink(position: int, view: memoryview) -> None:
            if self._stop.is_set():
                raise StoppedError
            partial.write(position, view)
            reached = position + len(view)
            for index in range(position // CHUNK_BYTES, reached // CHUNK_BYTES):
                partial.mark(index)
            if reached == partial.file.size_bytes and reached % CHUNK_BYTES:
                partial.mark(reached // CHUNK_BYTES)
            with self._lock:
                self.fetched_bytes += len(view)

        self._store.read_range(partial.file.path, start, end, partial.file.size_bytes, sink)

    def _take(self) -> tuple[Active, tuple[int, int]] | None:
        with self._lock:
            if self._stop.is_set():
                raise StoppedError
            open_files = [active for active in self._active if active.untaken]
            while len(open_files) < FILES_AT_ONCE and self._waiting:
                open_files.append(self._open(self._waiting.pop()))
            if not open_files:
                return None
            # The file that has waited longest is served first.
            active = open_files[0]
            self._active.remove(active)
            self._active.append(active)
            return active, active.untaken.pop(0)

    def _open(self, file: WeightFile) -> Active:
        partial = PartialFile(self._folder, file)
        # A file that is wholly there, or empty, still has to be hashed and named: by a part without bytes.
        parts = partial.missing(PART_BYTES) or [(0, 0)]
        active = Active(partial=partial, untaken=parts, unfinished=len(parts))
        self._active.append(active)
        return active

    def _part_done(self, active: Active) -> None:
        with self._lock:
            active.unfinished -= 1
            if active.unfinished:
                return
            self._active.remove(active)
        partial = active.partial
        if partial.finish():
            return
        if partial.file.path in self._fetched_whole:
            raise LoaderError(
                f"{partial.file.path}: sha256 is {partial.digest()}, expected {partial.file.sha256}; "
                "the bucket holds other bytes than the lock file names: push the model again"
            )
        # A power failure may have spoiled bytes that were there from before, a bad line those that came. The second
        # time is fetched whole; when that is wrong as well, it is the bucket.
        with self._lock:
            self._fetched_whole.add(partial.file.path)
            self._waiting.append(partial.file)
