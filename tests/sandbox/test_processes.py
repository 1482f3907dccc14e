"""Background processes: started once, found again, ended for certain."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import ports, processes

SLEEP = ["sleep", "60"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    processes.stop_all(folder=tmp_path, grace=2)


def gone(pid: int) -> bool:
    for _ in range(60):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_a_started_process_is_listed_and_ends_when_stopped(folder: Path) -> None:
    process = processes.start("one", SLEEP, folder=folder)
    assert processes.running(folder) == [process]
    processes.stop("one", folder=folder)
    assert gone(process.pid)
    assert processes.running(folder) == []
    assert json.loads((folder / "run/processes.json").read_text()) == []


def test_starting_twice_keeps_the_process(folder: Path) -> None:
    assert processes.start("one", SLEEP, folder=folder) == processes.start("one", SLEEP, folder=folder)


def test_another_command_replaces_the_process(folder: Path) -> None:
    first = processes.start("one", SLEEP, folder=folder)
    second = processes.start("one", ["sleep", "61"], folder=folder)
    assert gone(first.pid)
    assert processes.running(folder) == [second]


def test_a_process_that_ends_early_is_refused_with_exit_code_and_log(folder: Path) -> None:
    with pytest.raises(
        processes.ProcessError, match=r"one ended with exit code 3 before it was ready(.|\n)*no such model"
    ):
        processes.start("one", ["sh", "-c", "echo no such model >&2; exit 3"], ready=lambda: False, folder=folder)
    assert processes.running(folder) == []


def test_a_process_that_is_not_ready_in_time_is_ended(folder: Path) -> None:
    with pytest.raises(processes.ProcessError, match="one was not ready after 0 s"):
        processes.start("one", SLEEP, ready=lambda: False, timeout=0.2, folder=folder)
    assert processes.running(folder) == []


def test_an_exception_of_the_readiness_question_means_not_yet(folder: Path) -> None:
    refusals = [ConnectionError("refused")]

    def ready() -> bool:
        if refusals:
            raise refusals.pop()
        return True

    assert processes.start("one", SLEEP, ready=ready, folder=folder).is_alive()


def test_an_interrupt_while_waiting_leaves_nothing_behind(folder: Path) -> None:
    def interrupted() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.start("one", SLEEP, ready=interrupted, folder=folder)
    assert processes.running(folder) == []


def test_a_missing_program_is_named(folder: Path) -> None:
    with pytest.raises(processes.ProcessError, match="one could not be started: no-such-program: No such file"):
        processes.start("one", ["no-such-program"], folder=folder)


def test_children_end_with_their_parent(folder: Path) -> None:
    process = processes.start("one", ["sh", "-c", "sleep 60 & echo $!; wait"], folder=folder)
    log = Path(process.log)
    while not log.read_text().endswith("\n"):
        time.sleep(0.02)
    processes.stop("one", folder=folder)
    assert gone(int(log.read_text()))


def test_children_of_a_parent_that_is_gone_are_ended_too(folder: Path) -> None:
    process = processes.start("one", ["sh", "-c", "sleep 60 & echo $!"], folder=folder)
    assert gone(process.pid)
    child = int(Path(process.log).read_text())
    processes.stop("one", folder=folder)
    assert gone(child)


def test_what_ignores_the_polite_signal_is_killed(folder: Path) -> None:
    process = processes.start("one", ["sh", "-c", "trap '' TERM; echo x; while :; do sleep 0.1; done"], folder=folder)
    time.sleep(0.1)
    processes.stop("one", grace=0.3, folder=folder)
    assert gone(process.pid)


def test_a_recycled_pid_is_never_signalled(folder: Path) -> None:
    stranger = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        time.sleep(0.05)  # the kernel's clock of process starts has ticks of 10 ms
        processes.start("one", SLEEP, folder=folder)
        state = folder / "run/processes.json"
        records = json.loads(state.read_text())
        mine = records[0]["pid"]
        state.write_text(json.dumps([{**records[0], "pid": stranger.pid}]))
        processes.stop("one", folder=folder)
        assert stranger.poll() is None
        assert processes.running(folder) == []
        os.kill(mine, signal.SIGKILL)
        os.waitpid(mine, 0)
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_all_ends_what_another_command_started(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from sandbox import processes;"
        "[processes.start(name, ['sleep', '60'], folder=Path(sys.argv[1])) for name in ('one', 'two')]"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True)
    pids = [process.pid for process in processes.running(folder)]
    assert sorted(processes.stop_all(folder=folder)) == ["one", "two"]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def test_run_to_end_returns_the_exit_code_and_keeps_the_log(folder: Path) -> None:
    assert processes.run_to_end("once", ["sh", "-c", "echo done; exit 4"], folder=folder) == 4
    assert (folder / "log/once.log").read_text() == "done\n"
    assert processes.running(folder) == []


def test_environment_and_working_folder_are_the_given_ones(folder: Path) -> None:
    processes.run_to_end(
        "once",
        ["sh", "-c", "pwd; env | grep -v -e ^PWD -e ^SHLVL -e ^_ -e ^OLDPWD"],
        env={"A": "b"},
        cwd=folder,
        folder=folder,
    )
    assert (folder / "log/once.log").read_text().splitlines() == [str(folder), "A=b"]


def test_a_taken_port_is_refused_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ports.PortTakenError, match=rf"port {port} .*wanted for the gateway.*\(pid {os.getpid()}\)"):
            ports.require_port(port, "the gateway")
        assert ports.answers(port)
        assert ports.free_port(port) != port
    assert ports.require_port(port, "the gateway") == port
    assert not ports.answers(port)
