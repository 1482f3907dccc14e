"""A file that is being downloaded: it survives a kill, and gets its name only when its digest is right."""

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Final

from images.weights.buffer import page_aligned
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
        self._partial, self._map = _places(folder, file)
        self._final.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._partial, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._descriptor, file.size_bytes)
        chunks = -(-file.size_bytes // CHUNK_BYTES)
        with open(self._map, "ab+") as noted:
            noted.seek(0)
            self._present = bytearray(noted.read(chunks).ljust(chunks, b"\0"))
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._hashing = threading.Lock()
        self._buffer = page_aligned(READ_BACK_BYTES)

    def chunk_size(self, index: int) -> int:
        """All chunks have the same size but the last one."""
        return min(CHUNK_BYTES, self.file.size_bytes - index * CHUNK_BYTES)

    def missing(self, part_bytes: int) -> list[tuple[int, int]]:
        """Ranges that are not on disk yet, each within one part."""
        ranges: list[tuple[int, int]] = []
        for index, byte in enumerate(self._present):
            start = index * CHUNK_BYTES
            end = start + self.chunk_size(index)
            if byte:
                continue
            if ranges and ranges[-1][1] == start and start % part_bytes:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((start, end))
        return ranges

    def came(self, index: int) -> None:
        """A chunk is on disk now: hashes on as far as the file is contiguous, unless another thread does."""
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
        right = self._hash.hexdigest() == self.file.sha256
        if right:
            os.fsync(self._descriptor)
            os.replace(self._partial, self._final)
        else:
            self._partial.unlink()
        self.close()
        self._map.unlink()
        sync_folder(self._final.parent)
        return right

    def close(self) -> None:
        """Leaves everything as it is, for the next start."""
        os.close(self._descriptor)

    def digest(self) -> str:
        """The digest over what was read; final after `finish`."""
        return self._hash.hexdigest()

    def _hash_on(self) -> None:
        while self._hashed < self.file.size_bytes and self._present[index := self._hashed // CHUNK_BYTES]:
            end = index * CHUNK_BYTES + self.chunk_size(index)
            piece = self._buffer[: end - self._hashed]
            count = os.preadv(self._descriptor, [piece], self._hashed)
            if not count:
                # Somebody cut the file: its digest will be wrong.
                return
            self._hash.update(piece[:count])
            self._hashed += count


class PartWriter:
    """Puts bytes of a partial file where they belong and notes whole chunks; many processes may write to one file."""

    def __init__(self, folder: Path, file: WeightFile) -> None:
        self._file = file
        self._partial, noted = _places(folder, file)
        self._descriptor = os.open(self._partial, os.O_WRONLY)
        self._map_descriptor = os.open(noted, os.O_WRONLY)

    def write(self, position: int, view: memoryview) -> range:
        """Gives the chunks that became whole; the first call begins with a chunk, each further one goes on.

        Raises:
            LoaderError: the disk is full.
        """
        first, rest = position // CHUNK_BYTES, view
        while rest:
            written = self._write(self._descriptor, rest, position)
            position, rest = position + written, rest[written:]
        ended = position == self._file.size_bytes
        whole = range(first, -(-position // CHUNK_BYTES) if ended else position // CHUNK_BYTES)
        for index in whole:
            self._write(self._map_descriptor, PRESENT, index)
        return whole

    def close(self) -> None:
        """Leaves everything as it is."""
        os.close(self._descriptor)
        os.close(self._map_descriptor)

    def _write(self, descriptor: int, data: bytes | memoryview, position: int) -> int:
        try:
            return os.pwrite(descriptor, data, position)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise LoaderError(
                f"{self._partial}: the disk is full at byte {position} of {self._file.size_bytes}; "
                "make room, what was fetched is kept"
            ) from None


def _places(folder: Path, file: WeightFile) -> tuple[Path, Path]:
    final = folder / file.path
    return final.with_name(f"{final.name}.partial"), final.with_name(f"{final.name}.partial.map")


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
