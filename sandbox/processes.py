"""Background processes of the rehearsal, started by name and found again by later commands (Linux: reads /proc)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import process_table
from sandbox.places import rehearsal_folder
from sandbox.ports import PortTakenError, answers, free_port, require_port
from sandbox.process_table import Process

__all__ = [
    "PortTakenError",
    "Process",
    "ProcessError",
    "answers",
    "free_port",
    "last_lines",
    "require_port",
    "run_to_end",
    "running",
    "start",
    "stop",
    "stop_all",
]

_POLL_SECONDS = 0.05


class ProcessError(Exception):
    """A background process did not do what it was started for; the message carries its last log lines."""


def start(
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    ready: Callable[[], bool] = lambda: True,
    timeout: float = 60,
    folder: Path | None = None,
) -> Process:
    """Start the process and return once it is ready; one that already runs with the same command is kept.

    Args:
        name: unique in the rehearsal; names the log file `log/<name>.log`.
        argv: the command; one that runs under this name with another command is stopped first.
        env: the whole environment, by default this process's own.
        cwd: its working folder, by default this process's own.
        ready: asked until it says yes; an exception of it counts as no.
        timeout: seconds until it must be ready.
        folder: the rehearsal's folder, by default `.cloister`.

    Raises:
        ProcessError: it ended or was not ready in time; it does not run any more then.
    """
    home = folder or rehearsal_folder()
    current = process_table.read(home).get(name)
    if current and current.is_alive() and current.command != tuple(argv):
        stop(name, folder=home)
    try:
        # In a thread of its own, because Ctrl-C only interrupts the main thread: what is started is always recorded.
        with ThreadPoolExecutor(1) as pool:
            process = pool.submit(_spawn, home, name, argv, env, cwd).result()
        deadline = time.monotonic() + timeout
        while not _is_ready(ready):
            if not process.is_alive():
                raise ProcessError(f"{name} ended{_exit_status(process)} before it was ready{last_lines(process.log)}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{name} was not ready after {timeout:.0f} s{last_lines(process.log)}")
            time.sleep(_POLL_SECONDS)
        return process
    except BaseException:
        stop(name, folder=home)
        raise


def run_to_end(
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 3600,
    folder: Path | None = None,
) -> int:
    """Run the command to its end and return its exit code; output goes to `log/<name>.log`.

    Raises:
        ProcessError: it could not be started or had not ended in time; it does not run any more then.
    """
    home = folder or rehearsal_folder()
    try:
        with ThreadPoolExecutor(1) as pool:
            process = pool.submit(_spawn, home, name, argv, env, cwd).result()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                pid, status = os.waitpid(process.pid, os.WNOHANG)
            except ChildProcessError:
                raise ProcessError(f"{name} was ended before it was done") from None
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_POLL_SECONDS)
        raise ProcessError(f"{name} had not ended after {timeout:.0f} s{last_lines(process.log)}")
    finally:
        stop(name, folder=home)


def stop(name: str, *, grace: float = 10, folder: Path | None = None) -> None:
    """End the process and its children if they run; a process that merely has its old pid is left alone."""
    home = folder or rehearsal_folder()
    process = process_table.read(home).get(name)
    if process is not None:
        _signal(process, signal.SIGTERM)
        _end(home, process, grace)


def stop_all(*, grace: float = 10, folder: Path | None = None) -> list[str]:
    """End everything that was started, latest first, and return the names of what was still running."""
    home = folder or rehearsal_folder()
    processes = sorted(process_table.read(home).values(), key=lambda process: process.started, reverse=True)
    alive = [process.name for process in processes if process.is_alive()]
    for process in processes:
        _signal(process, signal.SIGTERM)
    for process in processes:
        _end(home, process, grace)
    return alive


def running(folder: Path | None = None) -> list[Process]:
    """The processes that run now, oldest first."""
    records = process_table.read(folder or rehearsal_folder()).values()
    return sorted((process for process in records if process.is_alive()), key=lambda process: process.started)


def last_lines(log: str, count: int = 12) -> str:
    """The end of a log, indented below the sentence that it explains."""
    try:
        lines = Path(log).read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    shown = "\n".join(f"    {line}" for line in lines[-count:]) or "    (nothing was logged)"
    return f"; the end of {log}:\n{shown}"


def _spawn(home: Path, name: str, argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None) -> Process:
    log = home / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(cwd), *argv] if cwd else list(argv)
    with process_table.locked(home):
        records = process_table.read(home)
        current = records.get(name)
        if current and current.is_alive():
            return current
        try:
            pid = os.posix_spawnp(
                command[0],
                command,
                dict(os.environ if env is None else env),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,  # its own group: Ctrl-C in the terminal does not reach it, its children end with it
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
            )
        except OSError as problem:
            raise ProcessError(f"{name} could not be started: {command[0]}: {problem.strerror}") from problem
        process = Process(name, pid, process_table.started_at(pid, zombie=True) or 0, tuple(argv), str(log))
        process_table.write(home, {**records, name: process})
    return process


def _signal(process: Process, number: signal.Signals) -> None:
    # Children may outlive their leader; while they do, the kernel gives its number to no other process.
    if process_table.started_at(process.pid, zombie=True) in (process.started, None):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _end(home: Path, process: Process, grace: float) -> None:
    deadline = time.monotonic() + grace
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    _signal(process, signal.SIGKILL)
    while process.is_alive() and time.monotonic() < deadline + 5:
        time.sleep(_POLL_SECONDS)
    _exit_status(process)
    with process_table.locked(home):
        records = process_table.read(home)
        if records.get(process.name) == process:
            del records[process.name]
            process_table.write(home, records)


def _exit_status(process: Process) -> str:
    """Collects an ended child; its exit code as words, nothing when it was started by another process."""
    if not process.is_alive():
        with contextlib.suppress(ChildProcessError):
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if pid:
                return f" with exit code {os.waitstatus_to_exitcode(status)}"
    return ""


def _is_ready(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except Exception:  # connection refused, not found, half an answer: all mean not yet
        return False
