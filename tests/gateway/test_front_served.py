"""The gateway behind a load balancer: real Envoy, real registrar, and a client that speaks TLS as a balancer does."""

import base64
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from components.gateway.configuration import Tls
from images.registrar.certificate import CERTIFICATE, KEY, ensure
from tests.gateway.harness import (
    CHAT,
    Answer,
    RunningGateway,
    eventually,
    plan_of,
    read_answer,
    request,
    running,
    upstream,
)
from tests.gateway.stub_engine import StubEngine
from tests.gateway.test_configuration import values
from tests.images.load_balancer import ADDRESS, ROOT, load_balancer
from tests.operations.local_key import LocalKey

pytestmark = pytest.mark.servers

HEALTH = request("GET", "/v1/models")
STREAM = b'{"model":"llama","stream":true,"metadata":{"chunks":15,"seconds":0.3}}'


def unverified(version: ssl.TLSVersion | None = None, ciphers: str | None = None) -> ssl.SSLContext:
    """As a Network Load Balancer speaks to its targets: encrypted, and the certificate is not looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if ciphers is not None:
        context.set_ciphers(ciphers)
    return context


@dataclass(frozen=True)
class Fronted:
    """A gateway with its own key, made as the init container makes it."""

    gateway: RunningGateway
    engine: StubEngine
    folder: Path

    @contextmanager
    def connected(self, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
        with (context or unverified()).wrap_socket(self.gateway.connect()) as connection:
            yield connection

    def ask(self, raw: bytes, context: ssl.SSLContext | None = None) -> Answer:
        with self.connected(context) as connection:
            connection.sendall(raw)
            return read_answer(connection)

    def chat(self, body: bytes = b'{"model":"llama"}') -> bytes:
        fields = [("authorization", f"Bearer {self.gateway.token()}"), ("content-type", "application/json")]
        return request("POST", CHAT, body, fields)


@contextmanager
def started(folder: Path) -> Iterator[Fronted]:
    tls, key = folder / "tls", LocalKey()
    tls.mkdir()
    command = [sys.executable, "-m", "images.registrar", "certificate", "--folder", str(tls)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    with StubEngine() as engine:
        plan = replace(plan_of(key, {"llama": upstream(engine.port)}, folder), tls=Tls(folder=str(tls)))
        with running(plan, folder, key) as gateway:
            yield Fronted(gateway, engine, tls)


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    with started(tmp_path_factory.mktemp("fronted")) as found:
        yield found


VERSIONS = [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]


@pytest.mark.parametrize(("version", "name"), VERSIONS)
def test_the_health_check_without_a_token_is_answered_401(fronted: Fronted, version: ssl.TLSVersion, name: str) -> None:
    with fronted.connected(unverified(version)) as connection:
        assert connection.version() == name
        connection.sendall(HEALTH)
        assert read_answer(connection).error == (401, "missing_api_key")


# Those of ELBSecurityPolicy-TLS13-1-0-2021-06, with which the balancer speaks to targets, that a P-256 key can serve.
@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_the_balancers_ciphers_are_accepted(fronted: Fronted, cipher: str) -> None:
    assert fronted.ask(HEALTH, unverified(ssl.TLSVersion.TLSv1_2, cipher)).status == 401


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["http/1.1", "http/1.0", "h2"], "h2"), (["http/1.1"], "http/1.1"), ([], None)]
)
def test_a_protocol_is_agreed_on_or_found_out(fronted: Fronted, offered: list[str], chosen: str | None) -> None:
    context = unverified()
    if offered:
        context.set_alpn_protocols(offered)
    with fronted.connected(context) as connection:
        assert connection.selected_alpn_protocol() == chosen
        if chosen != "h2":
            connection.sendall(HEALTH)
            assert read_answer(connection).status == 401


def in_plain_text(gateway: RunningGateway) -> bytes:
    """What the gateway sends to whoever does not speak TLS."""
    with gateway.connect() as connection:
        try:
            connection.sendall(HEALTH)
            return connection.recv(65536)
        except ConnectionError:
            return b""


def test_plain_http_gets_no_answer(fronted: Fronted) -> None:
    assert b"HTTP/" not in in_plain_text(fronted.gateway)


def test_a_request_with_a_token_passes(fronted: Fronted) -> None:
    assert fronted.ask(fronted.chat()).status == 200


def test_a_key_that_is_made_anew_is_taken_without_a_restart(fronted: Fronted) -> None:
    def presented() -> bytes | None:
        with fronted.connected() as connection:
            return connection.getpeercert(binary_form=True)

    before, pid = presented(), fronted.gateway.process.pid
    (fronted.folder / CERTIFICATE).unlink()
    assert ensure(fronted.folder)
    eventually(lambda: presented() != before, 5)
    assert fronted.gateway.process.poll() is None
    assert fronted.gateway.process.pid == pid


def test_a_gateway_without_its_key_does_not_answer(tmp_path: Path) -> None:
    key, folder = LocalKey(), tmp_path / "tls"
    folder.mkdir()
    plan = replace(plan_of(key, {"llama": upstream(1)}, tmp_path), tls=Tls(folder=str(folder)))
    with running(plan, tmp_path, key) as gateway:
        # Nothing falls back to plain text.
        assert in_plain_text(gateway) == b""


def keep_alive_timer(ours: int, theirs: int) -> float | None:
    """Seconds until the kernel gives a sign of life on a connection of this machine, None without such a timer."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, _, timer, *_ = line.split()
        if (int(local[-4:], 16), int(remote[-4:], 16)) == (ours, theirs):
            kind, _, ticks = timer.partition(":")
            return int(ticks, 16) / 100 if kind == "02" else None
    raise AssertionError("no such connection")


def test_a_silent_connection_gives_a_sign_of_life_within_a_minute(fronted: Fronted) -> None:
    with fronted.connected() as connection:
        connection.sendall(HEALTH)
        assert read_answer(connection).status == 401
        client = connection.getsockname()[1]
        # At first the timer waits for the client's acknowledgement of the answer.
        left = eventually(lambda: keep_alive_timer(fronted.gateway.plan.listen_port, client))
        assert 50 < left <= 60
        # The client's own end of the same connection has none: it is the gateway that asked for it.
        assert keep_alive_timer(client, fronted.gateway.plan.listen_port) is None


def test_a_gateway_that_leaves_is_out_before_it_drains_and_finishes_its_stream(tmp_path: Path) -> None:
    (tmp_path / "balancer").mkdir()
    with started(tmp_path) as found, load_balancer(tmp_path / "balancer") as balancer:
        gateway = found.gateway
        plan = gateway.plan
        registrar = balancer.start(plan.metrics_port, Path(plan.admin_socket), settle=3)
        try:
            eventually(balancer.serving_file.exists, 15)
            assert balancer.targets() == [(ADDRESS, 8443)]
            with found.connected() as streaming, found.connected() as kept:
                streaming.sendall(found.chat(STREAM))
                eventually(lambda: found.engine.seen)
                registrar.send_signal(signal.SIGTERM)
                eventually(lambda: balancer.targets() == [], 2)
                # Who is connected already is still served, and stays connected until the drain.
                kept.sendall(found.chat())
                answer = read_answer(kept)
                assert (answer.status, answer.headers.get("connection")) == (200, None)
                assert registrar.wait(10) == 0
                kept.sendall(found.chat())
                answer = read_answer(kept)
                assert (answer.status, answer.headers["connection"]) == (200, "close")
                body = read_answer(streaming)
                assert (body.status, body.body.count(b"data:")) == (200, 15)
            assert gateway.get("/ready", port=plan.metrics_port).status == 503
            assert "Envoy drains" in balancer.log()
        finally:
            registrar.kill()
            registrar.wait(10)


def test_an_envoy_that_crashed_stays_registered_and_the_registrar_goes_on(tmp_path: Path) -> None:
    (tmp_path / "balancer").mkdir()
    with started(tmp_path) as found, load_balancer(tmp_path / "balancer") as balancer:
        plan = found.gateway.plan
        registrar = balancer.start(plan.metrics_port, Path(plan.admin_socket))
        try:
            eventually(balancer.serving_file.exists, 15)
            found.gateway.process.kill()
            found.gateway.process.wait(10)
            before = balancer.door.count("RegisterTargets")
            eventually(lambda: balancer.door.count("RegisterTargets") > before + 1)
            assert registrar.poll() is None
            registrar.send_signal(signal.SIGTERM)
            assert registrar.wait(10) == 0
            assert balancer.targets() == []
            assert "Envoy was not told to drain" in balancer.log()
        finally:
            registrar.kill()
            registrar.wait(10)


def test_the_administration_socket_does_not_give_the_key_away(fronted: Fronted) -> None:
    """The registrar may command Envoy on that socket."""
    dump = json.loads(fronted.gateway.admin("GET", "/config_dump").body)
    shown = [key["inline_bytes"] for key in values(dump, "private_key")]
    assert [base64.b64decode(text) for text in shown] == [b"[redacted]"]


def test_the_key_is_readable_for_the_group_and_nobody_else(fronted: Fronted) -> None:
    assert (fronted.folder / KEY).stat().st_mode & 0o777 == 0o440


def test_two_gateways_never_have_one_key(fronted: Fronted, tmp_path: Path) -> None:
    assert ensure(tmp_path)
    assert (tmp_path / KEY).read_bytes() != (fronted.folder / KEY).read_bytes()
