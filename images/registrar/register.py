"""Keeps one gateway in its target group: in when Envoy is ready, out before Envoy ends."""

import http.client
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.registrar.targets import CallError, Target, TargetGroup

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 10.0
READY_SECONDS: Final = 1.0
ALIVE_SECONDS: Final = 1.0
HEALTH_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What is registered, and how its Envoy is reached.

    Args:
        metrics_port: where Envoy answers `/ready` on loopback.
        admin_socket: Envoy's administration socket.
        serving_file: made once the load balancer sends here; the pod's readiness asks for it.
        repeat_seconds: how often the registration is repeated: somebody else may have ended it.
        trust_seconds: from registration to `serving_file`, if the load balancer cannot be asked about health.
        leave_seconds: how long deregistration is tried before Envoy is told to drain all the same.
        settle_seconds: how long the load balancer may still open connections after deregistration.
    """

    target: Target
    metrics_port: int
    admin_socket: Path
    serving_file: Path
    repeat_seconds: float
    trust_seconds: float
    leave_seconds: float
    settle_seconds: float


def run(registration: Registration, leave: threading.Event) -> bool:
    """Serves until SIGTERM sets `leave`, then leaves; whether the load balancer confirmed the end.

    A thread registers, and this one waits for the signal: a call that hangs delays nobody's leave. An error that
    nobody foresaw ends the thread and with it the process, as a target that stays; the kubelet starts it anew.
    """
    serving = threading.Thread(target=_serve, args=(registration, leave), daemon=True)
    serving.start()
    while not leave.wait(ALIVE_SECONDS):
        if not serving.is_alive():
            return False
    _say("SIGTERM")
    return _leave(registration)


def _serve(registration: Registration, leave: threading.Event) -> None:
    """Registers again and again until the leave: no error of AWS takes a gateway away."""
    target = registration.target
    _wait_for_envoy(registration.metrics_port, leave)
    group = TargetGroup(target)
    since, words = None, ""
    pauses = _pauses()
    while not leave.is_set():
        try:
            group.register()
        except CallError as error:
            pause = next(pauses)
            _say(f"{target} not registered: {error}; again in {pause:.1f} s")
            leave.wait(pause)
            continue
        pauses = _pauses()
        if since is None:
            since = time.monotonic()
            _say(f"{target} registered in {target.group}")
        if registration.serving_file.exists():
            leave.wait(registration.repeat_seconds)
            continue
        before, (serving, words) = words, _health(group)
        if words != before:
            _say(f"{target} is {words}")
        # What nobody can say must not hold gateways back for ever.
        if serving or (serving is None and time.monotonic() - since >= registration.trust_seconds):
            registration.serving_file.touch()
            _say(f"{target} counts as serving")
        else:
            leave.wait(min(HEALTH_SECONDS, registration.repeat_seconds))


def _health(group: TargetGroup) -> tuple[bool | None, str]:
    """Whether the load balancer sends here (None: that cannot be told), and its words."""
    try:
        words = group.health()
    except CallError as error:
        return None, str(error)
    return None if words.startswith("unavailable") else words == "healthy", words


def _wait_for_envoy(port: int, leave: threading.Event) -> None:
    """A target that nobody answers for would be unhealthy before it was ever healthy."""
    _say("waiting for Envoy")
    while not _ready(port) and not leave.wait(READY_SECONDS):
        pass


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _leave(registration: Registration) -> bool:
    """Out of the target group at once; when nothing new arrives any more, Envoy closes what it has answered."""
    group = TargetGroup(registration.target)
    out = _deregister(registration, group, registration.leave_seconds)
    time.sleep(registration.settle_seconds)
    # A registration that was under way at SIGTERM may have arrived after its end.
    out = _deregister(registration, group, 0) or out
    _drain(registration.admin_socket)
    return out or _deregister(registration, group, registration.leave_seconds)


def _deregister(registration: Registration, group: TargetGroup, seconds: float) -> bool:
    """At least one attempt, and more until the time is over."""
    end = time.monotonic() + seconds
    for pause in _pauses():
        try:
            group.deregister()
        except CallError as error:
            _say(f"{registration.target} still registered: {error}")
        else:
            _say(f"{registration.target} deregistered")
            return True
        if time.monotonic() + pause > end:
            return False
        time.sleep(pause)
    return False


def _drain(admin_socket: Path) -> None:
    """From now on Envoy closes each connection after its answer; running answers go on until the pod ends."""
    request = b"POST /healthcheck/fail HTTP/1.1\r\nhost: envoy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(admin_socket))
            connection.sendall(request)
            status = connection.recv(64)
    except OSError as error:
        _say(f"Envoy was not told to drain: {admin_socket}: {error.strerror or error}")
        return
    _say("Envoy drains" if b" 200 " in status else f"Envoy was not told to drain: {status!r}")


def _pauses() -> Iterator[float]:
    """Doubling pauses, each by chance a little shorter, so that many gateways do not come back at one moment."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause * random.uniform(0.7, 1.0)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _say(line: str) -> None:
    # In one piece: two threads speak.
    sys.stderr.write(f"registrar: {line}\n")
    sys.stderr.flush()
