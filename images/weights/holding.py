"""What a loader does beside its engine: it stays, and says what it did to whoever asks."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from images.weights.manifest import LoaderError

METRICS: Final = "/metrics"


def answer_metrics(address: tuple[str, int], exposition: bytes) -> None:
    """Answers `GET /metrics` until the process ends; that there is an answer says that the model is complete and held.

    Args:
        address: host and port.
        exposition: the numbers, in Prometheus' text format.

    Raises:
        LoaderError: the address is taken, or none of this machine's.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5
        server_version, sys_version = "weights", ""

        def do_GET(self) -> None:
            if self.path != METRICS:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(exposition)))
            self.end_headers()
            self.wfile.write(exposition)

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is no news."""

    try:
        server = HTTPServer(address, Handler)
    except OSError as error:
        raise LoaderError(f"{address[0]}:{address[1]}: {error.strerror}; name another address to --hold") from None
    with server:
        server.serve_forever()
