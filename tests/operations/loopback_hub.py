"""A Hub on loopback, over TLS, for its real client: its API, its files, its storage on another host, and its refusals.

What it answers is what huggingface.co answers: the same paths, statuses, headers and error codes.
"""

import hashlib
import http.server
import ipaddress
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SIGNATURE: Final = "X-Amz-Signature=5ec2e7"
"""What lets its bearer read a file for a while: nobody may print it."""
LARGE: Final = (".safetensors", ".gguf", "tokenizer.json")
"""Kept in large-file storage, so that the Hub knows their sha256."""


@dataclass(kw_only=True)
class Repository:
    """One repository: commit -> its files, the newest first.

    Attributes:
        gated: files are given to those who accepted its terms only.
        lies: path -> what its storage gives in place of the file.
    """

    commits: dict[str, dict[str, bytes]]
    card: Mapping[str, Any]
    gated: bool = False
    lies: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is answered in place of the truth; `silent_seconds` of silence come first."""

    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    silent_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    host: str
    path: str
    headers: Mapping[str, str]


class LoopbackHub:
    """The Hub's state; `endpoint` is what HF_ENDPOINT says."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: dict[str, bool] = {}
        """Token -> whether its account accepted the terms of gated repositories."""
        self.faults: dict[str, list[Fault]] = {}
        """Part of a path -> what is answered first, one after the other."""
        self.asked: list[Asked] = []
        self.endpoint = ""
        self.storage = ""

    def fault(self, path: str) -> Fault | None:
        """The next fault for a path."""
        for part, waiting in self.faults.items():
            if part in path and waiting:
                return waiting.pop(0)
        return None

    def paths(self, host: str) -> list[str]:
        """What was asked of one host."""
        return [asked.path for asked in self.asked if asked.host == host]


class _Handler(http.server.BaseHTTPRequestHandler):
    """What the Hub and its storage have in common."""

    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.hub.asked.append(Asked(host=host, path=self.path, headers=dict(self.headers.items())))
        if fault := self.hub.fault(self.path):
            time.sleep(fault.silent_seconds)
            self.answer(fault.status, fault.body, dict(fault.headers))
            return
        self.truth(unquote(urlsplit(self.path).path))

    def truth(self, path: str) -> None:
        """Answers."""
        raise NotImplementedError

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """One answer; a header without a value is not sent."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def content(self, content: bytes) -> None:
        """Bytes, from where they are asked for."""
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self.answer(206 if start else 200, content[start:], span)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _Api(_Handler):
    def truth(self, path: str) -> None:
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path)
        if found:
            self._model(found[1], found[2])
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], found[2], found[3])
        else:
            self.answer(404)

    def _model(self, name: str, revision: str | None) -> None:
        repository = self._repository(name)
        if repository is None:
            return
        commit = self._commit(repository, revision)
        if commit is None:
            return
        siblings = [_sibling(path, content) for path, content in repository.commits[commit].items()]
        document = {
            "_id": "6",
            "id": name,
            "modelId": name,
            "sha": commit,
            "private": False,
            "gated": "manual" if repository.gated else False,
            "disabled": False,
            "tags": [],
            "downloads": 1,
            "likes": 0,
            "cardData": dict(repository.card),
            "siblings": siblings,
        }
        self.answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, revision: str, path: str) -> None:
        repository = self._repository(name)
        commit = self._commit(repository, revision) if repository else None
        if repository is None or commit is None:
            return
        if repository.gated and not self.hub.tokens.get(self._token(), False):
            words = f"Access to model {name} is restricted"
            self._refuse(403 if self._token() else 401, "GatedRepo", words)
            return
        content = repository.commits[commit].get(path)
        if content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif path.endswith(LARGE):
            where = f"{self.hub.storage}/{hashlib.sha256(content).hexdigest()}?{SIGNATURE}"
            self.answer(302, b"", {"Location": where, "X-Linked-Size": str(len(content))})
        else:
            self.content(repository.lies.get(path, content))

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _repository(self, name: str) -> Repository | None:
        if self._token() and self._token() not in self.hub.tokens:
            self._refuse(401, None, "Invalid credentials in Authorization header")
            return None
        if name not in self.hub.repositories:
            if self._token():
                self._refuse(404, "RepoNotFound", "Repository not found")
            else:
                self._refuse(401, None, "Invalid username or password.")
            return None
        return self.hub.repositories[name]

    def _commit(self, repository: Repository, revision: str | None) -> str | None:
        found = next(iter(repository.commits), None) if revision in (None, "main") else revision
        if found not in repository.commits:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return found

    def _refuse(self, status: int, code: str | None, words: str) -> None:
        headers = {"X-Error-Message": words, "Content-Type": "application/json"}
        self.answer(status, json.dumps({"error": words}).encode(), headers | ({"X-Error-Code": code} if code else {}))


class _Storage(_Handler):
    def truth(self, path: str) -> None:
        for repository in self.hub.repositories.values():
            for files in repository.commits.values():
                for name, content in files.items():
                    if path == f"/{hashlib.sha256(content).hexdigest()}":
                        self.content(repository.lies.get(name, content))
                        return
        self.answer(403)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is no error here."""


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    found: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob}
    if path.endswith(LARGE):
        found["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return found


@contextmanager
def loopback_hub(folder: Path) -> Iterator[LoopbackHub]:
    """A Hub and, under another host's name, its storage; `folder/authority.pem` is whom its clients have to trust."""
    hub = LoopbackHub()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    servers = []
    for handler in (_Api, _Storage):
        bound = type(handler.__name__, (handler,), {"hub": hub})
        server = _Server(("127.0.0.1", 0), bound)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
    hub.endpoint = f"https://127.0.0.1:{servers[0].server_port}"
    hub.storage = f"https://localhost:{servers[1].server_port}"
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _certificate(folder: Path) -> Path:
    """A key and its own certificate in one file; the certificate alone beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback hub")])
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "authority.pem").write_bytes(certificate)
    path = folder / "server.pem"
    path.write_bytes(secret + certificate)
    return path
