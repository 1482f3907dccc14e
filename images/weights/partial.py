"""A file that is being downloaded: it survives a kill, and gets its name only when its digest is right."""

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Final

from images.weights.manifest import LoaderError, WeightFile

CHUNK_BYTES: Final = 2**20
READ_BACK_BYTES: Final = 2**18
PRESENT: Final = b"\x01"


class PartialFile:
    """`<path>.partial` and beside it `<path>.partial.map`, one byte for every chunk that was written.

    The map is written after the chunk, so a killed process loses at most the chunks that were in flight. It is not
    synced: after a power failure it may lie, the digest finds out, and the file is fetched anew.
    """

    def __init__(self, folder: Path, file: WeightFile) -> None:
        self.file = file
        self._final = folder / file.path
        self._partial = self._final.with_name(f"{self._final.name}.partial")
        self._map = self._final.with_name(f"{self._final.name}.partial.map")
        self._final.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._partial, os.O_RDWR | os.O_CREAT, 0o644)
        self._map_descriptor = os.open(self._map, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._descriptor, file.size_bytes)
        chunks = -(-file.size_bytes // CHUNK_BYTES)
        self._present = bytearray(os.pread(self._map_descriptor, chunks, 0).ljust(chunks, b"\0"))
        self.resumed_bytes = sum(self._chunk_size(index) for index, byte in enumerate(self._present) if byte)
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._hashing = threading.Lock()

    def missing(self, part_bytes: int) -> list[tuple[int, int]]:
        """Ranges that are not on disk yet, each within one part."""
        ranges: list[tuple[int, int]] = []
        for index, byte in enumerate(self._present):
            start = index * CHUNK_BYTES
            end = start + self._chunk_size(index)
            if byte:
                continue
            if ranges and ranges[-1][1] == start and start % part_bytes:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((start, end))
        return ranges

    def write(self, position: int, view: memoryview) -> None:
        """Puts bytes in their place, and hashes them at once when they are the next ones.

        Raises:
            LoaderError: the disk is full.
        """
        start, rest = position, view
        while rest:
            written = self._write(self._descriptor, rest, position)
            position, rest = position + written, rest[written:]
        # Only the next bytes: others are read back when their turn comes, which costs a copy.
        if start == self._hashed and self._hashing.acquire(blocking=False):
            try:
                if start == self._hashed:
                    self._hash.update(view)
                    self._hashed += len(view)
            finally:
                self._hashing.release()

    def mark(self, index: int) -> None:
        """Notes that a chunk is on disk, and hashes on as far as the file is contiguous.

        Raises:
            LoaderError: the disk is full.
        """
        self._write(self._map_descriptor, PRESENT, index)
        self._present[index] = 1
        if self._hashing.acquire(blocking=False):
            try:
                self._hash_on()
            finally:
                self._hashing.release()

    def finish(self) -> bool:
        """Gives the file its name when its digest is right; otherwise throws its bytes away and says so.

        Call it once, after the last chunk.
        """
        with self._hashing:
            self._hash_on()
        os.close(self._map_descriptor)
        right = self._hash.hexdigest() == self.file.sha256
        if right:
            os.fsync(self._descriptor)
            os.replace(self._partial, self._final)
        else:
            self._partial.unlink()
        os.close(self._descriptor)
        self._map.unlink()
        sync_folder(self._final.parent)
        return right

    def close(self) -> None:
        """Leaves everything as it is, for the next start."""
        os.close(self._descriptor)
        os.close(self._map_descriptor)

    def digest(self) -> str:
        """The digest over what was read; final after `finish`."""
        return self._hash.hexdigest()

    def _write(self, descriptor: int, data: bytes | memoryview, position: int) -> int:
        try:
            return os.pwrite(descriptor, data, position)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise LoaderError(
                f"{self._partial}: the disk is full at byte {position} of {self.file.size_bytes}; "
                "make room, what was fetched is kept"
            ) from None

    def _hash_on(self) -> None:
        buffer: memoryview | None = None
        while self._hashed < self.file.size_bytes and self._present[index := self._hashed // CHUNK_BYTES]:
            buffer = buffer or memoryview(bytearray(READ_BACK_BYTES))
            end = index * CHUNK_BYTES + self._chunk_size(index)
            count = os.preadv(self._descriptor, [buffer[: min(end - self._hashed, READ_BACK_BYTES)]], self._hashed)
            if not count:
                # Somebody cut the file: its digest will be wrong.
                return
            self._hash.update(buffer[:count])
            self._hashed += count

    def _chunk_size(self, index: int) -> int:
        return min(CHUNK_BYTES, self.file.size_bytes - index * CHUNK_BYTES)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Replaces a small file at once: after a power failure it is the old one or the new one."""
    scratch = path.with_name(f"{path.name}.new")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    sync_folder(path.parent)
