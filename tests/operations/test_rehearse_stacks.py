"""A killed update leaves its lock behind; it is cleared only when the process that held it is gone."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from operations.rehearse.stacks import clear_dead_locks


def lock(state: Path, stack: str, pid: int, host: str | None = None) -> Path:
    path = state / ".pulumi" / "locks" / "organization" / "cloister" / stack / f"{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": pid, "hostname": host or socket.gethostname()}), encoding="utf-8")
    return path


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_lock_of_a_process_that_is_gone_is_cleared(tmp_path: Path) -> None:
    pid = dead_pid()
    path = lock(tmp_path, "platform-rehearsal", pid)
    assert clear_dead_locks(tmp_path, "platform-rehearsal") == [pid]
    assert not path.exists()


def test_the_lock_of_another_stack_or_another_host_stays(tmp_path: Path) -> None:
    kept = [
        lock(tmp_path, "serving-rehearsal", dead_pid()),
        lock(tmp_path, "platform-rehearsal", dead_pid(), "elsewhere"),
    ]
    assert clear_dead_locks(tmp_path, "platform-rehearsal") == []
    assert all(path.exists() for path in kept)


def test_a_process_id_that_went_to_another_program_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = lock(tmp_path, "platform-rehearsal", os.getpid())
    assert clear_dead_locks(tmp_path, "platform-rehearsal") == [os.getpid()]
    assert not path.exists()


def test_the_lock_of_a_running_pulumi_stays(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([str(program), "30"])
    try:
        command = Path(f"/proc/{child.pid}/cmdline")
        for _ in range(500):  # the kernel shows the new program's name a moment after its start
            if b"pulumi" in command.read_bytes():
                break
            time.sleep(0.01)
        path = lock(tmp_path, "platform-rehearsal", child.pid)
        assert clear_dead_locks(tmp_path, "platform-rehearsal") == []
        assert path.exists()
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_lock_that_cannot_be_read_stays(tmp_path: Path, text: str) -> None:
    path = lock(tmp_path, "platform-rehearsal", 1)
    path.write_text(text, encoding="utf-8")
    assert clear_dead_locks(tmp_path, "platform-rehearsal") == []
    assert path.exists()
