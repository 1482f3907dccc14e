"""Many models on one node's disk: the least recently used makes room, what is used stays."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from components.model.lock import manifest, manifest_sha256
from images.weights import node_cache
from images.weights.fetch import Result, fetch
from images.weights.manifest import LoaderError
from sandbox.ports import free_port
from tests.images.faulty_s3 import FaultyS3
from tests.images.locked_model import BUCKET, folder_of, locked

ROOT = Path(__file__).parents[2]
MIB = 2**20
REVISIONS = [letter * 40 for letter in "abcde"]
MODELS = {revision: {"model.safetensors": os.urandom(2 * MIB), "config.json": b"{}"} for revision in REVISIONS}
LOCKS = {revision: locked(files, revision) for revision, files in MODELS.items()}
SIZE = 2 * MIB + 2
# What the disk takes for it: whole blocks, and the manifest.
ROOM = SIZE + 2**16


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    objects = {f"models/small/{it}/{path}": body for it, files in MODELS.items() for path, body in files.items()}
    objects |= {f"models/small/{it}/manifest.json": manifest(lock) for it, lock in LOCKS.items()}
    made = FaultyS3(objects)
    for name, value in {
        "AWS_ENDPOINT_URL": made.endpoint,
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


def run(target: Path, revision: str, limit: int | None, *, used: float | None = None) -> Result:
    """Fetches, and is finished with the model; `used` is when that was."""
    digest = manifest_sha256(LOCKS[revision])
    result = fetch(
        bucket=BUCKET,
        model="small",
        revision=revision,
        manifest_sha256=digest,
        target=target,
        limit_bytes=limit,
        wait_seconds=20,
    )
    if used is not None:
        os.utime(folder_of(target, revision) / node_cache.IN_USE, (used, used))
        result.release()
    return result


def whole(target: Path) -> set[str]:
    return {path.parent.name[0] for path in target.rglob(node_cache.MARKER)}


@pytest.mark.servers
def test_the_least_recently_used_makes_room(s3: FaultyS3, tmp_path: Path) -> None:
    a, b, c, d, _ = REVISIONS
    limit = 3 * ROOM
    for moment, revision in enumerate((a, b, c)):
        run(tmp_path, revision, limit, used=1000.0 + moment)
    # Asked for again, so no longer the oldest.
    assert run(tmp_path, a, limit, used=2000.0).fetched_bytes == 0
    result = run(tmp_path, d, limit, used=3000.0)
    assert result.evicted == (f"small/{b}",)
    assert whole(tmp_path) == {"a", "c", "d"}
    assert [path.name for path in folder_of(tmp_path, b).iterdir() if path.name not in node_cache.STAY] == []
    assert run(tmp_path, b, limit, used=4000.0).evicted == (f"small/{c}",)


@pytest.mark.servers
def test_what_is_used_stays_and_the_refusal_says_so(s3: FaultyS3, tmp_path: Path) -> None:
    a, b, c, *_ = REVISIONS
    held = run(tmp_path, a, 2 * ROOM)
    run(tmp_path, b, 2 * ROOM, used=9e9)
    assert run(tmp_path, c, 2 * ROOM, used=9e9 + 1).evicted == (f"small/{b}",)
    second = run(tmp_path, c, 2 * ROOM)
    with pytest.raises(LoaderError, match="in use pass the cache's limit"):
        run(tmp_path, b, 2 * ROOM)
    assert whole(tmp_path) == {"a", "c"}
    held.release()
    second.release()


@pytest.mark.servers
def test_a_pod_that_holds_a_model_keeps_it_until_it_ends(s3: FaultyS3, tmp_path: Path) -> None:
    a, b, *_ = REVISIONS
    port = free_port()
    with subprocess.Popen(holding(tmp_path, a, port), cwd=ROOT, stdout=subprocess.PIPE, text=True) as pod:
        assert pod.stdout is not None
        assert '"event": "complete"' in pod.stdout.readline()
        with pytest.raises(LoaderError, match="in use"):
            run(tmp_path, b, ROOM)
        pod.send_signal(signal.SIGTERM)
        assert pod.wait(20) == 143
    assert run(tmp_path, b, ROOM, used=1.0).evicted == (f"small/{a}",)


def fetching(target: Path, revision: str) -> list[str]:
    words = [sys.executable, "-m", "images.weights", "fetch", "--bucket", BUCKET, "--model", "small"]
    words += ["--revision", revision, "--manifest-sha256", manifest_sha256(LOCKS[revision]), "--target", str(target)]
    return words


def holding(target: Path, revision: str, port: int) -> list[str]:
    return [*fetching(target, revision), "--hold", f"127.0.0.1:{port}"]


def loading(target: Path, revision: str, limit: int) -> int:
    """Exit code of a loader of its own that is finished with the model."""
    words = [*fetching(target, revision), "--limit-bytes", str(limit), "--wait-seconds", "20"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, timeout=60, check=False).returncode


def metrics(port: int, seconds: float = 20.0) -> dict[str, float]:
    """Asks like a startup probe: again and again until there is an answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            continue
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


@pytest.mark.servers
def test_pods_that_start_at_once_fetch_once_and_each_says_so(s3: FaultyS3, tmp_path: Path) -> None:
    a, *_ = REVISIONS
    ports = [free_port() for _ in range(3)]
    pods = [subprocess.Popen(holding(tmp_path, a, port), cwd=ROOT, stdout=subprocess.DEVNULL) for port in ports]
    name = f'cloister_weights_fetched_bytes{{model="small",revision="{a}"}}'
    try:
        assert sorted(metrics(port)[name] for port in ports) == [0, 0, SIZE]
        assert whole(tmp_path) == {"a"}
    finally:
        for pod in pods:
            pod.terminate()
            assert pod.wait(20) == 143


@pytest.mark.servers
def test_the_metrics_are_the_loaders_only_page(s3: FaultyS3, tmp_path: Path) -> None:
    a, *_ = REVISIONS
    port = free_port()
    with subprocess.Popen(holding(tmp_path, a, port), cwd=ROOT, stdout=subprocess.DEVNULL) as pod:
        assert f'cloister_weights_gb_per_second{{model="small",revision="{a}"}}' in metrics(port)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/models/small", timeout=5)
        pod.terminate()


@pytest.mark.servers
def test_an_address_that_is_taken_is_one_line(s3: FaultyS3, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = holding(tmp_path, REVISIONS[0], taken.getsockname()[1])
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "name another address to --hold" in done.stderr


@pytest.mark.servers
def test_a_model_larger_than_the_limit_is_refused_before_anything_goes(s3: FaultyS3, tmp_path: Path) -> None:
    a, b, *_ = REVISIONS
    run(tmp_path, a, ROOM, used=1.0)
    with pytest.raises(LoaderError, match="raise its limit"):
        run(tmp_path, b, SIZE - 1)
    assert whole(tmp_path) == {"a"}


@pytest.mark.servers
def test_models_that_come_at_once_keep_to_the_limit_together(s3: FaultyS3, tmp_path: Path) -> None:
    most = 0
    done = threading.Event()

    def taken(path: Path) -> int:
        # What was there a moment ago may be gone or have its final name.
        with suppress(FileNotFoundError):
            return path.stat().st_blocks * 512
        return 0

    def watch() -> None:
        nonlocal most
        while not done.wait(0.005):
            most = max(most, sum(map(taken, tmp_path.rglob("model.safetensors*"))))

    def one(revision: str) -> list[int]:
        # There may be no room while the others are busy.
        return [loading(tmp_path, revision, 2 * ROOM) for _ in range(3)]

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(5) as pool:
        codes = {code for found in pool.map(one, REVISIONS) for code in found}
    done.set()
    watcher.join()
    assert 0 in codes <= {0, 1}
    assert SIZE <= most <= 2 * ROOM
    for revision in REVISIONS:
        folder = folder_of(tmp_path, revision)
        for path, body in MODELS[revision].items():
            assert not (folder / path).exists() or (folder / path).read_bytes() == body
        if (folder / node_cache.MARKER).exists():
            assert all((folder / path).exists() for path in MODELS[revision])


def test_a_kept_manifest_reserves_the_room_of_files_that_are_not_there_yet(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    folder.mkdir(parents=True)
    (folder / node_cache.LOCK).touch()
    assert node_cache.cached(tmp_path) == []
    (folder / "manifest.json").write_bytes(manifest(LOCKS[REVISIONS[0]]))
    assert [one.size_bytes for one in node_cache.cached(tmp_path)] == [SIZE]
    (folder / "manifest.json").write_bytes(b"[")
    assert [one.size_bytes for one in node_cache.cached(tmp_path)] == [4096]
