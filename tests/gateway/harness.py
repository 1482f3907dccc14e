"""One gateway for a test: plan, files, Envoy, and a client that sends exactly the bytes that a test wants."""

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from components.gateway.configuration import (
    BOOTSTRAP_FILE,
    GatewayPlan,
    Upstream,
    arguments,
    revocation_file,
)
from components.settings.gateway import Client, Gateway, Tier
from operations.gateway_render import write as write_files
from operations.token_revoke import FolderTarget, publish_revocations
from operations.token_signing import sign
from tests.operations.local_key import LocalKey

Found = TypeVar("Found")

ENVOY = Path(sys.executable).with_name("envoy")
ISSUER, AUDIENCE = "https://tokens.cloister.internal/test", "cloister-test"
CHAT = "/v1/chat/completions"
SETTINGS = Gateway(issuer=ISSUER, audience=AUDIENCE, body_limit_mib=1, idle_seconds=10)
TIERS = {
    "wide": Tier(requests_per_minute=1_000_000, tokens_per_minute=900_000_000),
    "narrow": Tier(requests_per_minute=5, tokens_per_minute=900_000_000),
    "short": Tier(requests_per_minute=1_000_000, tokens_per_minute=2000),
}


def client(models: Sequence[str] = ("llama",), tier: str = "wide") -> Client:
    return Client(models=tuple(models), tier=tier, longest_token_hours=24, contact="owner@example.com")


CLIENTS = {
    "acme": client(),
    "other": client(["llama", "qwen"]),
    "evil": client(),
    "waiting": client(["loading"]),
    "narrow": client(tier="narrow"),
    "short": client(tier="short"),
    "both": client(["llama", "qwen"]),
}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for found in sockets:
        found.bind(("127.0.0.1", 0))
    ports = [int(found.getsockname()[1]) for found in sockets]
    for found in sockets:
        found.close()
    return ports


def plan_of(key: LocalKey, upstreams: Mapping[str, Upstream], folder: Path = Path("/etc/envoy")) -> GatewayPlan:
    return GatewayPlan(
        gateway=SETTINGS,
        tiers=TIERS,
        clients=CLIENTS,
        upstreams=upstreams,
        signing_keys=(key.public(),),
        listen_address="127.0.0.1",
        configuration_folder=str(folder / "configuration"),
        revocation_folder=str(folder / "revocation"),
        admin_socket=str(folder / "admin.sock"),
    )


def upstream(*ports: int, resolution: Any = "static") -> Upstream:
    return Upstream(addresses=tuple(("127.0.0.1", port) for port in ports), resolution=resolution)


@dataclass(frozen=True)
class Answer:
    """A response: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> tuple[int, str | None]:
        """Status and code; the code is None if the body is not in OpenAI's form."""
        try:
            error = json.loads(self.body)["error"]
        except (ValueError, KeyError, TypeError):
            return self.status, None
        complete = set(error) == {"message", "type", "param", "code"} and error["message"]
        return self.status, error["code"] if complete and self.headers["content-type"] == "application/json" else None


def request(method: str, path: str, body: bytes | None = None, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    fields = [("host", "gateway.test"), *headers]
    if body is not None and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        fields.append(("content-length", str(len(body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin1") + (body or b"")


def read_answer(connection: socket.socket) -> Answer:
    """One response, whole; a connection that is closed instead gives status 0."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return Answer(0, {}, data)
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def more_than(count: int) -> None:
        nonlocal rest
        while len(rest) < count:
            found = connection.recv(65536)
            if not found:
                raise ConnectionError("closed in the middle of a body")
            rest += found

    if headers.get("transfer-encoding") != "chunked":
        length = int(headers.get("content-length", 0))
        more_than(length)
        return Answer(int(first.split()[1]), headers, rest[:length])
    body = b""
    while True:
        while b"\r\n" not in rest:
            more_than(len(rest) + 1)
        size, _, rest = rest.partition(b"\r\n")
        more_than(int(size, 16) + 2)
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        if int(size, 16) == 0:
            return Answer(int(first.split()[1]), headers, body)


@dataclass(frozen=True)
class RunningGateway:
    """An Envoy that runs, and what tests do with it."""

    plan: GatewayPlan
    folder: Path
    key: LocalKey
    process: subprocess.Popen[bytes]

    def claims(self, client: str = "acme", **changes: Any) -> dict[str, Any]:
        """Claims of a good token; None removes one."""
        now = int(time.time())
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client,
            "models": list(CLIENTS[client].models) if client in CLIENTS else ["llama"],
            "tier": "wide",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, client: str = "acme", *, key: LocalKey | None = None, **changes: Any) -> str:
        key = key or self.key
        return sign(self.claims(client, **changes), signing_key=key.kid, kms=key)

    def connect(self, port: int | None = None) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port or self.plan.listen_port), 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def send(self, raw: bytes, port: int | None = None) -> Answer:
        """Exactly these bytes on a new connection; the first answer."""
        with self.connect(port) as connection:
            connection.sendall(raw)
            return read_answer(connection)

    def post(
        self,
        token: str | None,
        body: Any = None,
        path: str = CHAT,
        headers: Sequence[tuple[str, str]] = (),
        content_type: str | None = "application/json",
    ) -> Answer:
        body = {"model": "llama", "messages": [{"role": "user", "content": "hi"}]} if body is None else body
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = list(headers)
        if content_type:
            fields.append(("content-type", content_type))
        if token is not None:
            fields.append(("authorization", f"Bearer {token}"))
        return self.send(request("POST", path, data, fields))

    def get(self, path: str, token: str | None = None, port: int | None = None) -> Answer:
        fields = [("authorization", f"Bearer {token}")] if token else []
        return self.send(request("GET", path, headers=fields), port)

    def admin(self, method: str, path: str) -> Answer:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(self.plan.admin_socket)
            connection.sendall(request(method, path))
            return read_answer(connection)

    def revoke(self, jti: Sequence[str] = (), clients: Sequence[str] = ()) -> None:
        target = FolderTarget(folder=Path(self.plan.revocation_folder))
        publish_revocations(target, revocation_file(jti, clients))

    def output(self) -> str:
        """Everything that Envoy wrote, access log included."""
        return (self.folder / "envoy.log").read_text()

    def log(self, request_id: str) -> dict[str, Any]:
        """The access log's line of one request."""

        def find() -> dict[str, Any] | None:
            for line in self.output().splitlines():
                if line.startswith("{") and request_id in line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            return None

        return eventually(find)


def eventually(check: Callable[[], Found | None], seconds: float = 5.0) -> Found:
    """The first true value of a check that is repeated until the time is over."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.01)


@contextmanager
def running(plan: GatewayPlan, folder: Path, key: LocalKey) -> Iterator[RunningGateway]:
    """Start Envoy with a plan, on free loopback ports."""
    listen, metrics = free_ports(2)
    plan = replace(plan, listen_port=listen, metrics_port=metrics)
    write(plan)
    with started(plan, folder, key, arguments(str(folder / BOOTSTRAP_FILE))) as gateway:
        yield gateway


@contextmanager
def started(plan: GatewayPlan, folder: Path, key: LocalKey, words: Sequence[str]) -> Iterator[RunningGateway]:
    """Start Envoy with these words, over files that are there."""
    with (folder / "envoy.log").open("wb") as log:
        command = [str(ENVOY), *words, "--file-flush-interval-msec", "50"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    gateway = RunningGateway(plan, folder, key, process)

    def ready() -> bool:
        if process.poll() is not None:
            raise AssertionError(gateway.output()[-2000:])
        try:
            return gateway.get("/ready", port=plan.metrics_port).status == 200
        except OSError:
            return False

    try:
        eventually(ready, 15)
        yield gateway
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def write(plan: GatewayPlan) -> None:
    """Write all files; a revocation file that is there already stays."""
    write_files(plan, Path(plan.configuration_folder).parent)
