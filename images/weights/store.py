"""Reads ranges of objects from S3 over plain sockets."""

import re
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from images.weights.access import access, authorities, sign
from images.weights.buffer import page_aligned
from images.weights.connection import Connection, Head, InterruptedTransferError
from images.weights.manifest import LoaderError

ATTEMPTS: Final = 6
LONGEST_PAUSE_SECONDS: Final = 5.0
MOST_WHOLE_BYTES: Final = 2**24
AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
AGAIN_ERRORS: Final = (ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror)
MEANING: Final = {
    "ExpiredToken": "the credentials have expired; start again with fresh ones",
    "InvalidAccessKeyId": "the credentials are unknown; check the pod's identity",
    "AccessDenied": "access denied; check the pod's identity, the bucket's policy and the key's policy",
    "403": "access denied; check the pod's identity, the bucket's policy and the key's policy",
    "NoSuchKey": "no such object; push the model again",
    "NoSuchBucket": "no such bucket; check its name",
    "InvalidRange": "shorter than the manifest says; push the model again",
}
# What becomes of bytes: (position in the object, view of the bytes); the view is valid during the call only.
Sink = Callable[[int, memoryview], None]


class Store:
    """Objects below one prefix of one bucket, over one connection; a fork from before the first may use it as well."""

    def __init__(self, bucket: str, prefix: str, receive_bytes: int) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._access = access(bucket)
        self._tls: ssl.SSLContext | None = None
        if self._access.address.scheme == "https":
            self._tls = ssl.create_default_context(cafile=authorities())
        self._connected: Connection | None = None
        self._buffer = page_aligned(receive_bytes)
        self._etags: dict[str, str] = {}

    def read(self, name: str) -> bytes:
        """A small object as a whole.

        Raises:
            LoaderError: it is not there, or may not be read.
        """
        body = bytearray()

        def once() -> None:
            body[:] = self._read_whole(name)

        try:
            self._persist(name, once, lambda: 0)
        finally:
            self.release()
        return bytes(body)

    def read_range(self, name: str, start: int, end: int, size: int, sink: Sink) -> None:
        """Hands the bytes from `start` up to `end` to the sink, in order, and goes on after interruptions.

        Args:
            name: the object, below the prefix.
            start: first byte.
            end: byte after the last.
            size: what the object's whole size must be.
            sink: takes the bytes.

        Raises:
            LoaderError: the object is missing, has another size, changed meanwhile, or the store stays unreachable.
        """
        reached = start

        def advance(position: int, view: memoryview) -> None:
            nonlocal reached
            sink(position, view)
            reached = position + len(view)

        def once() -> None:
            if reached < end:
                self._read_once(name, reached, end, size, advance)

        self._persist(name, once, lambda: reached)

    def _persist(self, name: str, once: Callable[[], None], reached: Callable[[], int]) -> None:
        """Asks again after interruptions; attempts that got on do not count."""
        failures, before = 0, reached()
        while True:
            try:
                return once()
            except (InterruptedTransferError, *AGAIN_ERRORS) as error:
                self.release()
                failures, before = failures + 1 if reached() == before else 1, reached()
                if failures >= ATTEMPTS:
                    reason = str(error) or type(error).__name__
                    raise LoaderError(f"{self._where(name)}: gave up after {failures} attempts: {reason}") from None
                time.sleep(min(0.1 * 2**failures, LONGEST_PAUSE_SECONDS))

    def _read_whole(self, name: str) -> bytes:
        connection = self._connection()
        head = connection.get(*self._signed(name))
        if head.status != 200:
            self._refuse(name, head, connection, 0)
        if not 0 <= head.length <= MOST_WHOLE_BYTES:
            raise LoaderError(f"{self._where(name)}: {head.length} bytes; push the model again")
        body = bytearray(head.length)
        connection.fill(memoryview(body))
        return bytes(body)

    def _read_once(self, name: str, start: int, end: int, size: int, sink: Sink) -> None:
        connection = self._connection()
        head = connection.get(*self._signed(name, f"bytes={start}-{end - 1}"))
        if head.status != 206:
            self._refuse(name, head, connection, size)
        self._check_same_object(name, head, start, end, size)
        while start < end:
            view = self._buffer[: end - start]
            try:
                connection.fill(view)
            except BaseException:
                # Every byte that came is kept, so that even a slow connection gets on.
                if connection.filled:
                    sink(start, view[: connection.filled])
                raise
            sink(start, view)
            start += len(view)
        if not head.stays_open:
            self.release()

    def _signed(self, name: str, wanted: str = "") -> tuple[str, dict[str, str]]:
        path = self._access.address.path + quote(self._prefix + name)
        # The range is not signed: it chooses among bytes that the signature opens anyway.
        return path, sign(self._access, path) | ({"range": wanted} if wanted else {})

    def _check_same_object(self, name: str, head: Head, start: int, end: int, size: int) -> None:
        sent, _, stored = head.field("content-range").rpartition("/")
        if stored != str(size):
            raise LoaderError(f"{self._where(name)}: {stored} bytes, the manifest says {size}; push the model again")
        if sent != f"bytes {start}-{end - 1}" or head.length != end - start:
            raise InterruptedTransferError(f"asked for bytes {start} to {end - 1}, the store sent {sent}")
        etag = head.field("etag")
        if self._etags.setdefault(name, etag) != etag:
            raise LoaderError(f"{self._where(name)}: replaced while it was read; start again")

    def _refuse(self, name: str, head: Head, connection: Connection, size: int) -> None:
        if head.status == 200:
            raise LoaderError(f"{self._where(name)}: the store ignores ranges; check AWS_ENDPOINT_URL")
        found = re.search(r"<Code>(\w+)</Code>", connection.text(4096))
        code = found[1] if found else str(head.status)
        if head.status in AGAIN or code == "RequestTimeout":
            raise InterruptedTransferError(f"{head.status} {code}")
        meaning = MEANING.get(code, f"{head.status} {code}")
        raise LoaderError(f"{self._where(name)}: {meaning}" + (f" ({size} bytes)" if code == "InvalidRange" else ""))

    def _connection(self) -> Connection:
        if self._connected is None:
            address = self._access.address
            port = address.port or (443 if self._tls else 80)
            self._connected = Connection(address.hostname or "", port, self._tls)
        return self._connected

    def release(self) -> None:
        """Closes the connection."""
        if self._connected:
            self._connected.close()
        self._connected = None

    def _where(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"
