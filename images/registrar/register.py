"""Keeps one gateway in its target group: in when Envoy is ready, out before Envoy ends."""

import http.client
import random
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.registrar.leave import Leave, LeavingError
from images.registrar.targets import CallError, Target, TargetGroup

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 10.0
READY_SECONDS: Final = 1.0
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


def run(registration: Registration, leave: Leave) -> bool:
    """Serves until SIGTERM, then leaves; whether the load balancer confirmed the end."""
    group = TargetGroup(registration.target)
    try:
        leave.arm()
        _serve(registration, group, leave)
    except LeavingError:
        _say("SIGTERM")
    return _leave(registration, group)


def _serve(registration: Registration, group: TargetGroup, leave: Leave) -> None:
    """Registers again and again. It ends by LeavingError alone: no error of AWS takes a gateway away."""
    target = registration.target
    _wait_for_envoy(registration.metrics_port, leave)
    since, words = None, ""
    pauses = _pauses()
    while True:
        try:
            group.register()
        except CallError as error:
            pause = next(pauses)
            _say(f"{target} not registered: {error}; again in {pause:.1f} s")
            leave.pause(pause)
            continue
        pauses = _pauses()
        if since is None:
            since = time.monotonic()
            _say(f"{target} registered in {target.group}")
        if registration.serving_file.exists():
            leave.pause(registration.repeat_seconds)
            continue
        before, (serving, words) = words, _health(group)
        if words != before:
            _say(f"{target} is {words}")
        # What nobody can say must not hold gateways back for ever.
        if serving or (serving is None and time.monotonic() - since >= registration.trust_seconds):
            registration.serving_file.touch()
            _say(f"{target} counts as serving")
        else:
            leave.pause(min(HEALTH_SECONDS, registration.repeat_seconds))


def _health(group: TargetGroup) -> tuple[bool | None, str]:
    """Whether the load balancer sends here (None: that cannot be told), and its words."""
    try:
        words = group.health()
    except CallError as error:
        return None, str(error)
    return None if words.startswith("unavailable") else words == "healthy", words


def _wait_for_envoy(port: int, leave: Leave) -> None:
    """A target that nobody answers for would be unhealthy before it was ever healthy."""
    _say("waiting for Envoy")
    while not _ready(port):
        leave.pause(READY_SECONDS)


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _leave(registration: Registration, group: TargetGroup) -> bool:
    """Out of the target group at once; when nothing new arrives any more, Envoy closes what it has answered."""
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
    print(f"registrar: {line}", file=sys.stderr, flush=True)
