"""One connection to the store: GET requests over HTTP/1.1, bodies straight from the socket into the caller's memory."""

import socket
import ssl
import time
from typing import Final

TIMEOUT_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 10.0
# A connection that brings less than this over a window is given up: another one may meet a healthier server.
LEAST_BYTES_PER_SECOND: Final = 64 * 2**10
WINDOW_SECONDS: Final = 15.0
HEAD_BYTES: Final = 64 * 2**10
RECEIVE_BYTES: Final = 2**20


class InterruptedTransferError(Exception):
    """A transfer stopped; the same range may be asked for again."""


class Head:
    """Status and headers of an answer, names in lower case."""

    def __init__(self, text: bytes) -> None:
        lines = text.decode("latin-1").split("\r\n")
        try:
            version, status = lines[0].split(" ", 2)[:2]
            self.status = int(status)
        except ValueError:
            raise InterruptedTransferError("the answer is no HTTP") from None
        pairs = (line.partition(":") for line in lines[1:] if line)
        self._fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.stays_open = version == "HTTP/1.1" and self.field("connection").lower() != "close"

    def field(self, name: str) -> str:
        """A header's value, or nothing."""
        return self._fields.get(name, "")

    @property
    def length(self) -> int:
        """Bytes of the body; -1 when the answer does not say."""
        text = self.field("content-length")
        return int(text) if text.isdigit() else -1


class Connection:
    """Not safe to use from several threads.

    Args:
        host: name or address; with `tls` the certificate must name it.
        port: of the server.
        tls: None for plain HTTP.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        plain = socket.create_connection((host, port), CONNECT_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
            self._socket.settimeout(TIMEOUT_SECONDS)
        except BaseException:
            plain.close()
            raise
        self._early = b""
        self._left = 0
        self.filled = 0

    def get(self, path: str, headers: dict[str, str]) -> Head:
        """Sends a request and reads the answer's head.

        Raises:
            InterruptedTransferError: the server went away.
        """
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self._socket.sendall("\r\n".join(lines).encode("latin-1"))
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self._socket.recv(HEAD_BYTES)
            if not piece or len(received) > HEAD_BYTES:
                raise InterruptedTransferError("the connection ended before an answer")
            received += piece
        text, _, self._early = received.partition(b"\r\n\r\n")
        head = Head(text)
        self._left = head.length
        return head

    def fill(self, view: memoryview) -> None:
        """Reads body until the view is full; `filled` says how far it came when this raises.

        Raises:
            InterruptedTransferError: the body ended early, or comes too slowly.
        """
        self.filled = early = min(len(self._early), len(view))
        view[:early] = self._early[:early]
        self._early = self._early[early:]
        wanted, receive, clock = len(view), self._socket.recv_into, time.monotonic
        since, before = clock(), self.filled
        while self.filled < wanted:
            count = receive(view[self.filled : self.filled + RECEIVE_BYTES])
            if not count:
                raise InterruptedTransferError(f"the connection ended {wanted - self.filled} bytes early")
            self.filled += count
            if (elapsed := clock() - since) > WINDOW_SECONDS:
                rate = (self.filled - before) / elapsed
                if rate < LEAST_BYTES_PER_SECOND:
                    raise InterruptedTransferError(f"only {rate / 1e3:.0f} KB/s")
                since, before = clock(), self.filled

    def text(self, most: int) -> str:
        """The beginning of a body, for messages; the connection is of no use afterwards."""
        body = self._early
        wanted = most if self._left < 0 else min(most, self._left)
        while len(body) < wanted and (piece := self._socket.recv(wanted - len(body))):
            body += piece
        return body[:wanted].decode("utf-8", "replace")

    def close(self) -> None:
        """Ends it."""
        self._socket.close()
