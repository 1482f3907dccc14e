"""A small S3 that misbehaves on request: what the loader meets on a bad day, byte for byte."""

import http.server
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

Fault = Callable[["Answer"], None]
PIECE: Final = 2**16


class Answer:
    """One answer to a range request; a fault changes it before it is sent."""

    def __init__(self, number: int, path: str, start: int, body: bytes, size: int) -> None:
        self.number, self.path, self.start, self.body, self.size = number, path, start, body, size
        self.status = 206
        self.etag = '"one"'
        self.content_range = f"bytes {start}-{start + len(body) - 1}/{size}"
        self.length = len(body)
        self.pause_seconds = 0.0
        self.piece_bytes = PIECE
        self.then: Callable[[socket.socket], None] | None = None

    def refuse(self, status: int, code: str) -> None:
        """An error as S3 says it."""
        self.status, self.body = status, f"<Error><Code>{code}</Code></Error>".encode()
        self.length, self.content_range = len(self.body), ""

    def cut(self, at: int) -> None:
        """The connection ends after some bytes, in order."""
        self.body, self.then = self.body[:at], lambda connection: connection.shutdown(socket.SHUT_RDWR)

    def reset(self, at: int) -> None:
        """The connection is reset after some bytes."""

        def now(connection: socket.socket) -> None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        self.body, self.then = self.body[:at], now

    def stall(self, at: int, seconds: float) -> None:
        """Nothing comes after some bytes, but the connection stays."""
        self.body, self.then = self.body[:at], lambda _: time.sleep(seconds)

    def drip(self, piece_bytes: int, pause_seconds: float) -> None:
        """Bytes come, one by one."""
        self.piece_bytes, self.pause_seconds = piece_bytes, pause_seconds

    def flip(self, at: int) -> None:
        """One bit is wrong."""
        spoiled = bytearray(self.body)
        spoiled[at % len(spoiled)] ^= 1
        self.body = bytes(spoiled)


class FaultyS3:
    """Serves objects on loopback; `fault` sees every range request, `requests` and `sent` are what came and went."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.fault: Fault = lambda answer: None
        self.requests: list[str] = []
        self.sent = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def note(self, path: str) -> int:
        """Counts a request."""
        with self._lock:
            self.requests.append(path)
            return len(self.requests)

    def count(self, size: int) -> None:
        """Counts bytes."""
        with self._lock:
            self.sent += size


def _handler(store: FaultyS3) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(self.path.split("?")[0]).lstrip("/").partition("/")[2]
            content = store.objects.get(path)
            asked = self.headers.get("Range", "").removeprefix("bytes=")
            if content is None:
                self._send(404, {"Content-Length": "0"}, b"")
            elif not asked:
                self._send(200, {"Content-Length": str(len(content)), "ETag": '"one"'}, content)
            else:
                start, end = map(int, asked.split("-"))
                answer = Answer(store.note(path), path, start, content[start : end + 1], len(content))
                store.fault(answer)
                self._answer(answer)

        def _answer(self, answer: Answer) -> None:
            headers = {"Content-Length": str(answer.length), "ETag": answer.etag}
            headers |= {"Content-Range": answer.content_range} if answer.content_range else {}
            self._send(answer.status, headers, b"")
            with suppress(OSError):
                for start in range(0, len(answer.body), answer.piece_bytes):
                    piece = answer.body[start : start + answer.piece_bytes]
                    self.wfile.write(piece)
                    store.count(len(piece))
                    if answer.pause_seconds:
                        time.sleep(answer.pause_seconds)
                if answer.then:
                    self.close_connection = True
                    answer.then(self.connection)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            with suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

    return Handler
