"""A world while it runs: started as a process of its own, asked over a pipe, gone with whoever started it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from sandbox.network.tools import Tools
from sandbox.network.world import Knock, Question, World, to_json
from sandbox.places import REPOSITORY

PATIENCE_SECONDS = 0.5
"""After which a door counts as closed: the kernel opens one within milliseconds, however busy the servers are."""
_END_SECONDS = 10


class WorldError(Exception):
    """The world could not be built or ended early; the message says what the machine lacks or refused."""


class RunningWorld:
    """Asks the process that holds the world."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._process, self._log = process, log
        self.built_seconds = 0.0

    @property
    def pid(self) -> int:
        """Of the only process; every namespace is its."""
        return self._process.pid

    def knock(self, knocks: Sequence[Knock], patience_seconds: float = PATIENCE_SECONDS) -> list[str]:
        """What was heard behind each door: a line for each place passed, or `-` and the reason of silence.

        Raises:
            WorldError: the process ended.
        """
        return [str(each) for each in self._ask(knocks, (), patience_seconds)["knocks"]]

    def resolve(
        self, questions: Sequence[Question], patience_seconds: float = PATIENCE_SECONDS
    ) -> list[tuple[str, ...] | str | None]:
        """The addresses of each name, None where there is no such name, or `-` and why nobody answered.

        Raises:
            WorldError: the process ended.
        """
        answers = self._ask((), questions, patience_seconds)["questions"]
        return [tuple(each) if isinstance(each, list) else each for each in answers]

    def _ask(self, knocks: Sequence[Knock], questions: Sequence[Question], patience: float) -> Any:
        request = {
            "knocks": [vars(each) for each in knocks],
            "questions": [vars(each) for each in questions],
            "patience_seconds": patience,
        }
        return self.exchange(json.dumps(request))

    def exchange(self, line: str) -> Any:
        """One line to the process, and its answer.

        Raises:
            WorldError: it ended, or says what it cannot do.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            self._process.wait(_END_SECONDS)
            self._log.seek(0)
            raise WorldError(f"the world ended with exit code {self._process.returncode}:\n{self._log.read()}")
        document = json.loads(answer)
        if "problem" in document:
            raise WorldError(document["problem"])
        return document


@contextlib.contextmanager
def running(world: World, tools: Tools) -> Iterator[RunningWorld]:
    """The world, built and served; it ends with the block.

    Nothing is left behind, whatever happens: namespaces are held by open files of one process, which ends when its
    input does, and its input ends with this process.

    Raises:
        WorldError: no namespaces can be made here, or `ip` or `nft` refused a text.
    """
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.network.program", str(tools.ip), str(tools.nft)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=REPOSITORY,
            env=dict(tools.environment),
        )
        try:
            found = RunningWorld(process, log)
            found.built_seconds = found.exchange(to_json(world))["built_seconds"]
            yield found
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
