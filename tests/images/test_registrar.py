"""The registrar as a process of its own, against a load balancer's API that fails in every way it can."""

import datetime
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from images.registrar import certificate
from images.registrar.certificate import CERTIFICATE, KEY, ensure
from tests.gateway.harness import eventually
from tests.images.load_balancer import ADDRESS, ROOT, LoadBalancer, Quiet, load_balancer, serving

TARGET = [(ADDRESS, 8443)]


@dataclass
class FakeEnvoy:
    """What the registrar asks of Envoy: readiness on loopback, and the administration socket."""

    metrics_port: int
    admin_socket: Path
    ready: bool = True
    drained: list[float] = field(default_factory=list)


@contextmanager
def fake_envoy(folder: Path) -> Iterator[FakeEnvoy]:
    envoy = FakeEnvoy(0, folder / "admin.sock")

    class Ready(Quiet):
        def do_GET(self) -> None:  # noqa: N802
            self.answer(200 if envoy.ready and self.path == "/ready" else 503, b"")

    def administer(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if connection.recv(4096).startswith(b"POST /healthcheck/fail HTTP/1.1\r\n"):
                    envoy.drained.append(time.monotonic())
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nOK\n")

    with serving(Ready) as port, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(envoy.admin_socket))
        listener.listen()
        threading.Thread(target=administer, args=(listener,), daemon=True).start()
        envoy.metrics_port = port
        yield envoy
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[LoadBalancer]:
    with load_balancer(tmp_path) as found:
        yield found


@pytest.fixture
def envoy(tmp_path: Path) -> Iterator[FakeEnvoy]:
    with fake_envoy(tmp_path) as found:
        yield found


@contextmanager
def started(balancer: LoadBalancer, envoy: FakeEnvoy, **options: float) -> Iterator[subprocess.Popen[bytes]]:
    process = balancer.start(envoy.metrics_port, envoy.admin_socket, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def leave(process: subprocess.Popen[bytes], seconds: float = 15) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(seconds)


@pytest.mark.servers
def test_a_gateway_is_registered_when_it_is_ready_and_taken_out_when_it_leaves(
    balancer: LoadBalancer, envoy: FakeEnvoy
) -> None:
    envoy.ready = False
    with started(balancer, envoy) as process:
        eventually(lambda: "waiting for Envoy" in balancer.log(), 10)
        time.sleep(0.5)
        assert balancer.targets() == []
        envoy.ready = True
        eventually(lambda: balancer.targets() == TARGET, 10)
        eventually(balancer.serving_file.exists)
        assert leave(process) == 0
    assert balancer.targets() == []
    assert len(envoy.drained) == 1
    lines = re.sub(r" in arn:\S+", "", balancer.log()).splitlines()
    assert lines == [
        "registrar: waiting for Envoy",
        "registrar: 10.42.3.7:8443 registered",
        "registrar: 10.42.3.7:8443 is healthy",
        "registrar: 10.42.3.7:8443 counts as serving",
        "registrar: SIGTERM",
        *(["registrar: 10.42.3.7:8443 deregistered"] * 2),
        "registrar: Envoy drains",
    ]


@pytest.mark.servers
def test_envoy_drains_after_the_load_balancer_has_settled(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    with started(balancer, envoy, settle=3) as process:
        eventually(balancer.serving_file.exists, 10)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        eventually(lambda: balancer.targets() == [], 2)
        assert envoy.drained == []
        assert process.wait(10) == 0
    assert envoy.drained[0] - began >= 3


@pytest.mark.servers
def test_a_registration_that_somebody_ended_is_made_again(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    with started(balancer, envoy):
        eventually(balancer.serving_file.exists, 10)
        balancer.client.deregister_targets(TargetGroupArn=balancer.group, Targets=[{"Id": ADDRESS, "Port": 8443}])
        eventually(lambda: balancer.targets() == TARGET)


@pytest.mark.servers
def test_credentials_come_from_the_agent_with_the_pods_token(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    with started(balancer, envoy):
        eventually(balancer.serving_file.exists, 10)
    assert (balancer.agent.refused, {key for _, key in balancer.door.calls}) == (0, {"KEY1"})


@pytest.mark.servers
def test_credentials_that_end_soon_are_renewed_before_they_do(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    balancer.agent.life = datetime.timedelta(minutes=1)
    with started(balancer, envoy):
        eventually(lambda: balancer.door.count("RegisterTargets") > 3, 15)
    keys = [key for _, key in balancer.door.calls]
    assert len(set(keys)) > 2


@pytest.mark.servers
def test_credentials_that_aws_calls_expired_are_replaced(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    with started(balancer, envoy) as process:
        eventually(balancer.serving_file.exists, 10)
        balancer.door.fault = "403 ExpiredToken"
        eventually(lambda: "the credentials had expired; fresh ones are taken" in balancer.log())
        balancer.door.fault = "pass"
        balancer.door.calls.clear()
        eventually(lambda: balancer.door.count("RegisterTargets"), 15)
        assert balancer.door.calls[0][1] != "KEY1"
        assert process.poll() is None


@pytest.mark.servers
@pytest.mark.parametrize("token", ["refused", None])
def test_credentials_that_come_later_than_the_pod_are_waited_for(
    balancer: LoadBalancer, envoy: FakeEnvoy, token: str | None
) -> None:
    file = balancer.folder / "token"
    good = file.read_text()
    file.unlink()
    if token is not None:
        file.write_text(token)
    with started(balancer, envoy) as process:
        eventually(lambda: "not registered: register targets: " in balancer.log(), 20)
        file.write_text(good)
        eventually(lambda: balancer.targets() == TARGET, 20)
        assert process.poll() is None


FAULTS = ["slow", "drop", "500 InternalFailure", "503 ServiceUnavailable", "400 Throttling", "403 AccessDenied"]


@pytest.mark.servers
@pytest.mark.parametrize("fault", FAULTS)
def test_a_registration_that_fails_is_tried_again_until_it_works(
    balancer: LoadBalancer, envoy: FakeEnvoy, fault: str
) -> None:
    balancer.door.fault = fault
    with started(balancer, envoy) as process:
        eventually(lambda: balancer.door.count("RegisterTargets") >= 2, 20)
        assert process.poll() is None
        assert not balancer.serving_file.exists()
        balancer.door.fault = "pass"
        eventually(lambda: balancer.targets() == TARGET, 20)
        assert leave(process) == 0
    assert re.search(r"10\.42\.3\.7:8443 not registered: register targets: .+; again in \d+\.\d s", balancer.log())


@pytest.mark.servers
@pytest.mark.parametrize("fault", FAULTS)
def test_a_deregistration_that_fails_is_tried_again(balancer: LoadBalancer, envoy: FakeEnvoy, fault: str) -> None:
    with started(balancer, envoy, repeat=60) as process:
        eventually(balancer.serving_file.exists, 10)
        balancer.door.fault = fault
        process.send_signal(signal.SIGTERM)
        eventually(lambda: balancer.door.count("DeregisterTargets") >= 2, 10)
        balancer.door.fault = "pass"
        assert process.wait(15) == 0
    assert balancer.targets() == []
    assert "10.42.3.7:8443 still registered: deregister targets: " in balancer.log()
    assert len(envoy.drained) == 1


@pytest.mark.servers
def test_without_an_answer_envoy_is_told_to_drain_all_the_same(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    with started(balancer, envoy, repeat=60) as process:
        eventually(balancer.serving_file.exists, 10)
        balancer.door.fault = "500 InternalFailure"
        process.send_signal(signal.SIGTERM)
        eventually(lambda: envoy.drained, 10)
        assert process.wait(15) == 1
    assert balancer.targets() == TARGET


@pytest.mark.servers
def test_sigterm_waits_for_no_call_that_hangs(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    balancer.door.fault = "late"
    with started(balancer, envoy, settle=4, timeout=10) as process:
        eventually(lambda: balancer.door.count("RegisterTargets"), 10)
        balancer.door.fault = "pass"
        process.send_signal(signal.SIGTERM)
        # The call itself would take 3 s.
        eventually(lambda: balancer.door.count("DeregisterTargets"), 2)
        assert process.wait(15) == 0
    # The call that was under way arrived after the first deregistration; the second one undid it.
    calls = [action for action, _ in balancer.door.calls if action != "DescribeTargetHealth"]
    assert calls == ["RegisterTargets", *["DeregisterTargets"] * 2]
    assert balancer.targets() == []


@pytest.mark.servers
@pytest.mark.parametrize("after", [0.15, 0.3, 0.5, 0.7, 0.9, 1.2])
def test_sigterm_at_any_moment_leaves_no_target(balancer: LoadBalancer, envoy: FakeEnvoy, after: float) -> None:
    with started(balancer, envoy, settle=0.1) as process:
        time.sleep(after)
        assert leave(process) == 0
    assert balancer.targets() == []


@pytest.mark.servers
def test_sigterm_while_envoy_never_became_ready_ends_at_once(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    envoy.ready = False
    with started(balancer, envoy) as process:
        eventually(lambda: "waiting for Envoy" in balancer.log(), 10)
        assert leave(process, 5) == 0
    assert balancer.door.count("RegisterTargets") == 0


@pytest.mark.servers
def test_a_second_sigterm_changes_nothing(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    with started(balancer, envoy, settle=1) as process:
        eventually(balancer.serving_file.exists, 10)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert leave(process) == 0
    assert len(envoy.drained) == 1


@pytest.mark.servers
def test_a_killed_registrar_leaves_its_target_and_the_next_one_takes_it_over(
    balancer: LoadBalancer, envoy: FakeEnvoy
) -> None:
    with started(balancer, envoy) as process:
        eventually(balancer.serving_file.exists, 10)
        process.kill()
        process.wait(10)
    assert balancer.targets() == TARGET
    with started(balancer, envoy) as process:
        eventually(lambda: balancer.log().count(" registered in ") == 2, 10)
        assert balancer.targets() == TARGET
        assert leave(process) == 0
    assert balancer.targets() == []


@pytest.mark.servers
def test_a_gateway_serves_only_when_the_load_balancer_calls_it_healthy(
    balancer: LoadBalancer, envoy: FakeEnvoy
) -> None:
    balancer.door.health = "initial"
    with started(balancer, envoy, trust=0.1):
        eventually(lambda: balancer.door.count("DescribeTargetHealth") > 2, 10)
        assert not balancer.serving_file.exists()
        balancer.door.health = "unhealthy"
        eventually(lambda: "is unhealthy" in balancer.log())
        assert not balancer.serving_file.exists()
        balancer.door.health = "healthy"
        eventually(balancer.serving_file.exists)
        # Later the load balancer decides alone: who asks for this file is the cluster.
        balancer.door.health = "unhealthy"
        time.sleep(1)
        assert balancer.serving_file.exists()


@pytest.mark.servers
def test_health_that_nobody_can_tell_holds_no_gateway_back_for_ever(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    balancer.door.health = "unavailable"
    with started(balancer, envoy, trust=1.5):
        eventually(lambda: balancer.targets() == TARGET, 10)
        time.sleep(0.5)
        assert not balancer.serving_file.exists()
        eventually(balancer.serving_file.exists)


@pytest.mark.servers
def test_an_error_that_nobody_foresaw_ends_the_process(balancer: LoadBalancer, envoy: FakeEnvoy) -> None:
    balancer.serving_file.symlink_to(balancer.folder / "absent" / "serving")
    with started(balancer, envoy) as process:
        assert process.wait(15) == 1
    assert "FileNotFoundError" in balancer.log()
    # The next start of the container finds its target.
    assert balancer.targets() == TARGET


def make(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "images.registrar", "certificate", "--folder", str(folder)]
    return subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=False)


def test_the_certificate_is_self_signed_and_its_key_is_a_p256_key_of_the_group(tmp_path: Path) -> None:
    done = make(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {KEY: 0o440, CERTIFICATE: 0o444}
    key = load_pem_private_key((tmp_path / KEY).read_bytes(), None)
    found = x509.load_pem_x509_certificate((tmp_path / CERTIFICATE).read_bytes())
    public = found.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    assert isinstance(public.curve, SECP256R1)
    assert public == key.public_key()
    found.verify_directly_issued_by(found)
    assert "PRIVATE" not in done.stdout


def test_a_good_key_stays_and_two_folders_never_have_one_key(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        assert ensure(folder) is True
    before = (first / KEY).read_bytes()
    assert ensure(first) is False
    assert (first / KEY).read_bytes() == before != (second / KEY).read_bytes()


@pytest.mark.parametrize("spoil", ["key missing", "certificate missing", "cut", "another's key", "nearly over"])
def test_what_does_not_belong_together_is_made_anew(
    tmp_path: Path, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = tmp_path / "a", tmp_path / "b"
    for each in (folder, other):
        each.mkdir()
        with monkeypatch.context() as patch:
            if spoil == "nearly over":
                patch.setattr(certificate, "LIFE", datetime.timedelta(days=1))
            ensure(each)
    if spoil == "key missing":
        (folder / KEY).unlink()
    elif spoil == "certificate missing":
        (folder / CERTIFICATE).unlink()
    elif spoil == "cut":
        text = (folder / KEY).read_bytes()
        (folder / KEY).unlink()
        (folder / KEY).write_bytes(text[:50])
    elif spoil == "another's key":
        (other / KEY).replace(folder / KEY)
    assert ensure(folder) is True
    assert ensure(folder) is False


def test_a_run_that_was_killed_half_way_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / f".{KEY}.new").write_bytes(b"half")
    assert ensure(tmp_path) is True
    assert {path.name for path in tmp_path.iterdir()} == {KEY, CERTIFICATE}


def test_a_folder_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    done = make(tmp_path / "absent")
    assert done.returncode == 1
    assert re.fullmatch(r"registrar: \S+absent/\.tls\.key\.new: No such file or directory; .*\n", done.stderr)


def test_packages_of_the_image_are_those_of_the_lock() -> None:
    locked = set((ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
    lines = (ROOT / "images" / "registrar" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {line.split("==")[0] for line in lines if "==" in line} == {"cffi", "cryptography", "pycparser"}
    for line in (line for line in lines if line.strip() and not line.startswith("#")):
        assert line in locked or f"{line} \\" in locked


def test_the_image_takes_boto3_from_the_loaders_list() -> None:
    text = (ROOT / "images" / "registrar" / "Dockerfile").read_text(encoding="utf-8")
    assert "COPY images/weights/requirements.txt /boto3.txt" in text
    assert "--require-hashes" in text
    assert "\nUSER 65532:65532\n" in text
