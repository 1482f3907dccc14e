"""The list of background processes that were started, kept in a file that later commands read."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process that was started; `started` (kernel ticks since boot) tells it from a later one with the same pid."""

    name: str
    pid: int
    started: int
    command: tuple[str, ...]
    log: str

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return started_at(self.pid) == self.started


def started_at(pid: int, zombie: bool = False) -> int | None:
    """The process's start time; None when there is none, or only its exit status is left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19]) if zombie or fields[0] not in "ZX" else None


def read(home: Path) -> dict[str, Process]:
    """The processes that were started and not stopped, by name; some may have ended by themselves."""
    try:
        stored = json.loads((home / "run" / "processes.json").read_text())
    except FileNotFoundError:
        return {}
    return {item["name"]: Process(**{**item, "command": tuple(item["command"])}) for item in stored}


def write(home: Path, records: Mapping[str, Process]) -> None:
    """Replace the list at once; the caller holds the lock."""
    target = home / "run" / "processes.json"
    draft = target.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(process) for process in records.values()], indent=1))
    draft.replace(target)


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Nobody else changes the list meanwhile."""
    (home / "run").mkdir(parents=True, exist_ok=True)
    with (home / "run" / "processes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
