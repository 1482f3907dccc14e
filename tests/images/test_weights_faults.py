"""The loader on bad days: whatever the store, the line, the disk or a kill does, no wrong byte has its final name."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.model.lock import ModelLock, manifest, manifest_sha256
from images.weights import connection, store
from images.weights.fetch import Result, fetch
from images.weights.manifest import LoaderError
from tests.images.faulty_s3 import Answer, FaultyS3
from tests.images.locked_model import BUCKET, PREFIX, REVISION, folder_of, locked

ROOT = Path(__file__).parents[2]
MIB = 2**20
PIECE = 2**15
LARGE = "model-00001-of-00002.safetensors"
FILES = {
    "config.json": b"{}",
    LARGE: os.urandom(9 * MIB + 123),
    "model-00002-of-00002.safetensors": os.urandom(5 * MIB),
}
TOTAL = sum(map(len, FILES.values()))
LOCK = locked(FILES)


@pytest.fixture
def bad_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    made = FaultyS3({PREFIX + path: content for path, content in FILES.items()})
    made.objects[PREFIX + "manifest.json"] = manifest(LOCK)
    for name, value in environment(made).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(store, "LONGEST_PAUSE_SECONDS", 0.01)
    yield made
    made.close()


def environment(server: FaultyS3) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_REGION": "eu-central-1",
    }


def run(target: Path, lock: ModelLock = LOCK, **options: Any) -> Result:
    digest = manifest_sha256(lock)
    return fetch(
        bucket=BUCKET, model="small", revision=REVISION, manifest_sha256=digest, target=target, workers=4, **options
    )


def command(target: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "images.weights", "fetch", "--bucket", BUCKET, "--model", "small"]
    words += ["--revision", REVISION, "--manifest-sha256", manifest_sha256(LOCK), "--target", str(target)]
    return [*words, "--workers", "4", *more]


def check_names(target: Path) -> None:
    """A final name is given to right bytes only, and the marker to a whole model only."""
    folder = folder_of(target)
    for path, content in FILES.items():
        assert not (folder / path).exists() or (folder / path).read_bytes() == content
    if (folder / ".complete").exists():
        assert all((folder / path).exists() for path in FILES)


def check_whole(target: Path) -> None:
    check_names(target)
    assert (folder_of(target) / ".complete").exists()
    assert not list(folder_of(target).rglob("*.partial*"))


def sometimes(fault: Any) -> Any:
    """Every third request meets the fault."""
    return lambda answer: fault(answer) if answer.number % 3 == 1 else None


@pytest.mark.servers
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda answer: answer.cut(at=1_300_000), id="truncated"),
        pytest.param(lambda answer: answer.reset(at=700_000), id="reset"),
        pytest.param(lambda answer: answer.cut(at=0), id="no-byte"),
        pytest.param(lambda answer: answer.refuse(503, "SlowDown"), id="slow-down"),
        pytest.param(lambda answer: answer.refuse(500, "InternalError"), id="internal-error"),
        pytest.param(lambda answer: answer.refuse(400, "RequestTimeout"), id="request-timeout"),
        pytest.param(lambda answer: setattr(answer, "content_range", f"bytes 0-9/{answer.size}"), id="other-range"),
        pytest.param(lambda answer: answer.stall(at=400_000, seconds=1.0), id="stalled"),
        pytest.param(lambda answer: answer.drip(piece_bytes=100, pause_seconds=0.02), id="drip"),
    ],
)
def test_what_passes_is_ridden_out(
    bad_s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(connection, "WINDOW_SECONDS", 0.2)
    bad_s3.fault = sometimes(fault)
    assert run(tmp_path).fetched_bytes == TOTAL
    check_whole(tmp_path)
    assert bad_s3.sent < 2 * TOTAL


@pytest.mark.servers
def test_a_store_that_never_answers_is_given_up_and_what_came_is_kept(
    bad_s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 0.1)

    def stop_after(answer: Answer) -> None:
        if answer.path.endswith(LARGE):
            answer.stall(at=max(0, 3 * MIB - answer.start), seconds=0.5)

    bad_s3.fault = stop_after
    with pytest.raises(LoaderError, match=rf"{LARGE}: gave up after 6 attempts"):
        run(tmp_path)
    check_names(tmp_path)
    bad_s3.fault = lambda answer: None
    assert run(tmp_path).fetched_bytes <= TOTAL - 3 * MIB
    check_whole(tmp_path)


@pytest.mark.servers
def test_credentials_that_expire_meanwhile_are_named_and_fresh_ones_go_on(bad_s3: FaultyS3, tmp_path: Path) -> None:
    def expire(answer: Answer) -> None:
        if answer.path.endswith(LARGE):
            time.sleep(0.3)
            answer.refuse(403, "ExpiredToken")

    bad_s3.fault = expire
    with pytest.raises(LoaderError, match="the credentials have expired"):
        run(tmp_path)
    check_names(tmp_path)
    bad_s3.fault = lambda answer: None
    assert run(tmp_path).fetched_bytes <= len(FILES[LARGE]) + MIB
    check_whole(tmp_path)


@pytest.mark.servers
def test_a_bit_that_flips_on_the_way_costs_one_file_again(bad_s3: FaultyS3, tmp_path: Path) -> None:
    bad_s3.fault = lambda answer: answer.flip(4711) if answer.number == 2 else None
    assert run(tmp_path).fetched_bytes > TOTAL
    check_whole(tmp_path)


@pytest.mark.servers
def test_a_bit_that_is_wrong_in_the_bucket_is_refused(bad_s3: FaultyS3, tmp_path: Path) -> None:
    spoiled = bytearray(FILES[LARGE])
    spoiled[-1] ^= 1
    bad_s3.objects[PREFIX + LARGE] = bytes(spoiled)
    with pytest.raises(LoaderError, match="push the model again"):
        run(tmp_path)
    check_names(tmp_path)
    assert not (folder_of(tmp_path) / LARGE).exists()


@pytest.mark.servers
def test_an_object_that_is_replaced_while_it_is_read_is_refused(bad_s3: FaultyS3, tmp_path: Path) -> None:
    def replace(answer: Answer) -> None:
        if answer.start or answer.number > 3:
            answer.etag = '"two"'
        else:
            answer.cut(at=MIB)

    bad_s3.fault = replace
    with pytest.raises(LoaderError, match="replaced while it was read"):
        run(tmp_path)
    check_names(tmp_path)


@pytest.mark.servers
def test_a_kill_at_any_moment_leaves_no_wrong_byte_and_loses_at_most_a_part(bad_s3: FaultyS3, tmp_path: Path) -> None:
    """Kills at random moments, each of the start that goes on from the last; the seed is printed when it fails."""
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    bad_s3.fault = lambda answer: answer.drip(piece_bytes=PIECE, pause_seconds=0.01)
    kills = 0
    while kills < 8:
        with subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            sent, more = bad_s3.sent, moments.randrange(1, 2 * MIB)
            while process.poll() is None and bad_s3.sent < sent + more:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        kills += 1
        check_names(tmp_path)
        if (folder_of(tmp_path) / ".complete").exists():
            break
    run(tmp_path)
    check_whole(tmp_path)
    # Of each kill: the chunk under way of four workers, and what the sockets held.
    assert bad_s3.sent <= TOTAL + kills * 4 * 2 * MIB, f"seed {seed}"


@pytest.mark.servers
def test_many_pods_of_a_node_fetch_once(bad_s3: FaultyS3, tmp_path: Path) -> None:
    pods = [subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    said = [json.loads(pod.communicate(timeout=60)[0]) for pod in pods]
    assert sorted(one["fetched_bytes"] for one in said) == [0, 0, 0, 0, TOTAL]
    assert bad_s3.sent == TOTAL
    check_whole(tmp_path)


@pytest.mark.servers
def test_a_waiting_pod_takes_over_when_the_first_is_killed(bad_s3: FaultyS3, tmp_path: Path) -> None:
    bad_s3.fault = lambda answer: answer.drip(piece_bytes=PIECE, pause_seconds=0.01)
    with subprocess.Popen(command(tmp_path), cwd=ROOT) as first:
        while bad_s3.sent < 3 * MIB:
            time.sleep(0.01)
        with subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, text=True) as second:
            first.kill()
            said = json.loads(second.communicate(timeout=60)[0])
    assert 0 < said["fetched_bytes"] <= TOTAL
    check_whole(tmp_path)


def processes(pid: int) -> list[int]:
    """A loader and its workers, as long as it lives."""
    try:
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except FileNotFoundError:
        return []


def memory_bytes(pid: int) -> int:
    """What a process adds to the memory of its container: pages that several share are divided between them."""
    try:
        return int(re.findall(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[0]) * 1024
    except (OSError, IndexError):
        return 0


@pytest.mark.servers
def test_memory_stays_below_100_mib_however_large_the_model_is(bad_s3: FaultyS3, tmp_path: Path) -> None:
    big = {"model.safetensors": os.urandom(160 * MIB), "two.safetensors": os.urandom(40 * MIB)}
    bad_s3.objects = {PREFIX + path: content for path, content in big.items()}
    bad_s3.objects[PREFIX + "manifest.json"] = manifest(locked(big))
    words = command(tmp_path)
    words[words.index("--manifest-sha256") + 1] = manifest_sha256(locked(big))
    words[words.index("--workers") + 1] = "8"
    samples = []
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as loader:
        while loader.poll() is None:
            samples.append([memory_bytes(pid) for pid in processes(loader.pid)])
            time.sleep(0.01)
        said = json.loads(loader.communicate()[0])
    assert said["fetched_bytes"] == 200 * MIB
    assert max(map(len, samples)) == 1 + 8
    assert max(map(sum, samples)) < 100 * MIB


@pytest.mark.servers
def test_workers_that_are_killed_end_the_fetch_and_the_next_one_goes_on(bad_s3: FaultyS3, tmp_path: Path) -> None:
    bad_s3.fault = lambda answer: answer.drip(piece_bytes=PIECE, pause_seconds=0.01)
    with subprocess.Popen(command(tmp_path), cwd=ROOT, stderr=subprocess.PIPE, text=True) as loader:
        while bad_s3.sent < 3 * MIB:
            time.sleep(0.01)
        # All of them: a small file's worker may have nothing left to do.
        for pid in processes(loader.pid)[1:]:
            os.kill(pid, signal.SIGKILL)
        said = loader.communicate(timeout=60)[1]
    assert loader.returncode == 1
    assert re.search(r"^weights: \S+: a worker process was killed; give the container more memory$", said, re.M)
    bad_s3.fault = lambda answer: None
    bad_s3.sent = 0
    subprocess.run(command(tmp_path), cwd=ROOT, check=True, timeout=60, capture_output=True)
    assert bad_s3.sent < TOTAL
    check_whole(tmp_path)


@pytest.mark.servers
def test_a_write_that_the_system_refuses_is_named_and_kept(bad_s3: FaultyS3, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the kernel itself refuses the write."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB))

    done = subprocess.run(
        command(tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    check_names(tmp_path)
    run(tmp_path)
    check_whole(tmp_path)
