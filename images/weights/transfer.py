"""Hands out the missing parts of a model's files to workers, a few files at a time, and hashes what they wrote."""

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.weights.manifest import LoaderError, WeightFile
from images.weights.partial import CHUNK_BYTES, PartialFile
from images.weights.store import Store
from images.weights.worker import Worker

PART_BYTES: Final = 16 * CHUNK_BYTES
# Parts of so many files are fetched side by side: one file is hashed by one processor at a time.
FILES_AT_ONCE: Final = 8


@dataclass
class Active:
    """A file under way: parts that nobody has taken, and how many are not finished."""

    partial: PartialFile
    untaken: list[tuple[int, int]]
    unfinished: int


class Transfer:
    """All files of one fetch. A thread beside each worker process tells it what to fetch, and hashes what it wrote.

    Make it before the first thread: it forks.
    """

    def __init__(self, store: Store, folder: Path, files: Sequence[WeightFile], workers: int) -> None:
        self._folder = folder
        self._waiting = list(files)[::-1]
        self._active: list[Active] = []
        self._lock = threading.Lock()
        self._error: Exception | None = None
        self._fetched_whole: set[str] = set()
        self.fetched_bytes = 0
        parts = sum(file.size_bytes // PART_BYTES + 1 for file in files)
        self._lifeline, theirs = socket.socketpair()
        self._workers = [Worker(store, folder, theirs, self._lifeline) for _ in range(min(workers, parts))]
        theirs.close()
        self._threads = [threading.Thread(target=self._work, args=(worker,)) for worker in self._workers]

    def run(self) -> None:
        """Fetches all.

        Raises:
            LoaderError: a part cannot be fetched or written, or a file's digest is wrong.
        """
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        if self._error:
            raise self._error

    def close(self) -> None:
        """Ends the workers, and leaves files that are not finished as they are."""
        self._lifeline.close()
        for worker in self._workers:
            worker.join()
        for thread in self._threads:
            thread.join()
        for active in self._active:
            active.partial.close()

    def _work(self, worker: Worker) -> None:
        try:
            while taken := self._take():
                active, (start, end) = taken
                for chunk in worker.fetch(active.partial.file, start, end) if end > start else ():
                    active.partial.came(chunk)
                    with self._lock:
                        self.fetched_bytes += active.partial.chunk_size(chunk)
                self._part_done(active)
        except Exception as error:
            # The first one is the cause; the others find that their workers have ended.
            with self._lock:
                self._error = self._error or error
            self._lifeline.close()

    def _take(self) -> tuple[Active, tuple[int, int]] | None:
        with self._lock:
            open_files = [active for active in self._active if active.untaken]
            while len(open_files) < FILES_AT_ONCE and self._waiting:
                open_files.append(self._open(self._waiting.pop()))
            if self._error or not open_files:
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
