"""Knocks at tens of thousands of doors: connections opened side by side, each in the namespace of its source."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sandbox.network.world import Knock

READING_SECONDS: Final = 8.0
"""How long a server may take once the kernel has connected: it shares its cores with everything else."""
DATAGRAM_SECONDS: Final = 2.0
"""For datagrams, which no kernel answers by itself."""
_AT_A_TIME: Final = 256
Open = Callable[[str, socket.SocketKind], socket.socket]


class _Stage(Enum):
    CONNECTING = auto()
    READING = auto()
    ASKED = auto()  # a datagram was sent
    ENDED = auto()


@dataclass(kw_only=True)
class _Attempt:
    place: int
    sock: socket.socket
    stage: _Stage
    deadline: float = 0.0
    heard: bytearray = field(default_factory=bytearray)


class Prober:
    """One round of knocks; a silence counts only when the kernel has not connected by its deadline.

    The kernel connects by itself, however long this process waits for its turn: what it has done is read before an
    attempt is given up, so a busy machine makes the round longer, not its answers wrong.
    """

    def __init__(self, open_socket: Open, patience_seconds: float, at_once: int) -> None:
        self._open, self._at_once = open_socket, at_once
        self._patience = {
            _Stage.CONNECTING: patience_seconds,
            _Stage.READING: READING_SECONDS,
            _Stage.ASKED: max(patience_seconds, DATAGRAM_SECONDS),
        }
        self._queues: dict[_Stage, deque[_Attempt]] = {stage: deque() for stage in self._patience}
        self._poll = select.epoll()
        self._running: dict[int, _Attempt] = {}
        self._said: list[str] = []

    def run(self, knocks: Sequence[Knock]) -> list[str]:
        """For each knock what was said behind the door, or `-` and why nothing was."""
        self._said = [""] * len(knocks)
        waiting = deque(sorted(range(len(knocks)), key=lambda place: knocks[place].source))
        with contextlib.closing(self._poll):
            while waiting or self._running:
                for _ in range(min(_AT_A_TIME, self._at_once - len(self._running), len(waiting))):
                    place = waiting.popleft()
                    self._start(place, knocks[place])
                self._events(0 if waiting and len(self._running) < self._at_once else 0.02)
                for stage in self._queues:
                    self._give_up(stage)
        return self._said

    def _start(self, place: int, knock: Knock) -> None:
        udp = knock.transport == "udp"
        sock = self._open(knock.source, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        attempt = _Attempt(place=place, sock=sock, stage=_Stage.ENDED)
        try:
            if knock.from_address or knock.from_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one source port for several destinations
                sock.bind((knock.from_address or "0.0.0.0", knock.from_port))
            code = sock.connect_ex((knock.address, knock.port))
            if udp and code == 0:
                sock.send(b"?")
        except OSError as problem:
            code = problem.errno or errno.EIO
        if code not in (0, errno.EINPROGRESS):
            self._end(attempt, code)
            return
        self._running[sock.fileno()] = attempt
        self._poll.register(sock.fileno(), select.EPOLLIN if udp else select.EPOLLOUT)
        self._enter(attempt, _Stage.ASKED if udp else _Stage.CONNECTING)

    def _enter(self, attempt: _Attempt, stage: _Stage) -> None:
        attempt.stage, attempt.deadline = stage, time.monotonic() + self._patience[stage]
        self._queues[stage].append(attempt)

    def _events(self, seconds: float) -> None:
        for number, _ in self._poll.poll(seconds, maxevents=self._at_once):
            attempt = self._running[number]
            try:
                if attempt.stage is not _Stage.CONNECTING:
                    self._hear(attempt)
                elif code := attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self._end(attempt, code)
                else:
                    self._enter(attempt, _Stage.READING)
                    self._poll.modify(number, select.EPOLLIN)
            except OSError as problem:
                self._end(attempt, problem.errno or errno.EIO)

    def _hear(self, attempt: _Attempt) -> None:
        piece = attempt.sock.recv(4096)
        attempt.heard += piece
        if not piece or attempt.stage is _Stage.ASKED:
            self._end(attempt, 0)

    def _give_up(self, stage: _Stage) -> None:
        """End what is past its deadline; each queue is in the order of its deadlines."""
        queue, now = self._queues[stage], time.monotonic()
        if queue and queue[0].deadline <= now:
            self._events(0)
        while queue and (queue[0].stage is not stage or queue[0].deadline <= now):
            attempt = queue.popleft()
            if attempt.stage is stage:
                self._end(attempt, errno.ETIMEDOUT)

    def _end(self, attempt: _Attempt, code: int) -> None:
        attempt.stage = _Stage.ENDED
        self._running.pop(attempt.sock.fileno(), None)
        attempt.sock.close()
        self._said[attempt.place] = f"- {os.strerror(code)}" if code else attempt.heard.decode()
