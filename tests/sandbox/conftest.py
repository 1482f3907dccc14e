"""A Kubernetes control plane in a temporary folder, shared by the tests that need one."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox import kubernetes
from sandbox.places import rehearsal_folder

BINARY = rehearsal_folder() / "bin" / "control-plane"


class TokenReview(BaseHTTPRequestHandler):
    """Knows one token: "fresh"."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = review["spec"]["token"] == "fresh"
        user = {"user": {"username": "runner", "groups": ["system:masters"]}} if known else {}
        review["status"] = {"authenticated": known, **user}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="session")
def token_review_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenReview) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def kubernetes_cluster(token_review_port: int) -> Iterator[kubernetes.Cluster]:
    assert BINARY.exists(), f"{BINARY} is not there; run `python -m sandbox.tools`"
    root = Path(tempfile.mkdtemp(prefix="cloister-kubernetes-"))
    try:
        yield kubernetes.start(root, binary=BINARY, token_review_port=token_review_port)
    finally:
        kubernetes.stop(root)
        shutil.rmtree(root)
