"""The loader against a real S3 server on loopback, and against the faults it promises to survive."""

import hashlib
import json
import mmap
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.model.lock import ModelLock, manifest, manifest_sha256
from images.weights import fetch as fetch_module
from images.weights.fetch import fetch
from images.weights.manifest import LoaderError, WeightFile, parse_manifest
from images.weights.partial import PartialFile, PartWriter
from tests.images.locked_model import BUCKET, PREFIX, folder_of, locked
from tests.loopback_s3 import s3_client, s3_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {
        "config.json": b"{}",
        "empty.json": b"",
        "model-00001-of-00002.safetensors": os.urandom(40 * 2**20 + 12345),
        "model-00002-of-00002.safetensors": os.urandom(17 * 2**20),
        "nested/tokenizer.json": os.urandom(2**20),
    }


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(endpoint: str, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with s3_client(endpoint, BUCKET, monkeypatch) as client:
        for path, content in files.items():
            client.put_object(Bucket=BUCKET, Key=PREFIX + path, Body=content)
        client.put_object(Bucket=BUCKET, Key=PREFIX + "manifest.json", Body=manifest(locked(files)))
        yield client


def run(lock: ModelLock, target: Path, **options: Any) -> fetch_module.Result:
    return fetch(
        bucket=BUCKET,
        model="small",
        revision="a" * 40,
        manifest_sha256=manifest_sha256(lock),
        target=target,
        **options,
    )


def names(target: Path) -> set[str]:
    folder = folder_of(target)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {".lock", ".in-use"}


@pytest.mark.servers
def test_a_fetched_model_has_the_locked_bytes_and_its_marker(s3: Any, files: dict[str, bytes], tmp_path: Path) -> None:
    result = run(locked(files), tmp_path)
    assert names(tmp_path) == {*files, "manifest.json", ".complete"}
    assert all((folder_of(tmp_path) / path).read_bytes() == content for path, content in files.items())
    assert result.fetched_bytes == result.total_bytes == sum(map(len, files.values()))
    assert json.loads(result.line())["gb_per_second"] > 0


@pytest.mark.servers
def test_a_complete_model_is_not_fetched_again_and_needs_no_network(
    s3: Any, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(locked(files), tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert run(locked(files), tmp_path).fetched_bytes == 0


@pytest.mark.servers
def test_a_file_that_shrank_after_completion_is_fetched_again(s3: Any, files: dict[str, bytes], tmp_path: Path) -> None:
    run(locked(files), tmp_path)
    (folder_of(tmp_path) / "config.json").write_bytes(b"")
    assert run(locked(files), tmp_path).fetched_bytes == 2


@pytest.mark.servers
def test_a_corrupted_object_is_refused_with_both_digests(s3: Any, files: dict[str, bytes], tmp_path: Path) -> None:
    path = "model-00002-of-00002.safetensors"
    spoiled = bytearray(files[path])
    spoiled[5_000_000] ^= 1
    s3.put_object(Bucket=BUCKET, Key=PREFIX + path, Body=bytes(spoiled))
    with pytest.raises(LoaderError, match=rf"{path}: sha256 is [0-9a-f]{{64}}, expected [0-9a-f]{{64}}"):
        run(locked(files), tmp_path)
    assert path not in names(tmp_path)
    assert ".complete" not in names(tmp_path)


@pytest.mark.servers
@pytest.mark.parametrize("change", [-1, -(2**20) * 2, 1])
def test_an_object_of_another_size_is_refused(s3: Any, files: dict[str, bytes], tmp_path: Path, change: int) -> None:
    path = "model-00002-of-00002.safetensors"
    content = files[path] + b"x" if change > 0 else files[path][:change]
    s3.put_object(Bucket=BUCKET, Key=PREFIX + path, Body=content)
    with pytest.raises(LoaderError, match=r"the manifest says|shorter than the manifest"):
        run(locked(files), tmp_path)
    assert ".complete" not in names(tmp_path)


@pytest.mark.servers
def test_a_manifest_that_the_lock_does_not_know_is_refused(s3: Any, files: dict[str, bytes], tmp_path: Path) -> None:
    evil = locked(files | {"config.json": b"{ }"})
    s3.put_object(Bucket=BUCKET, Key=PREFIX + "config.json", Body=b"{ }")
    s3.put_object(Bucket=BUCKET, Key=PREFIX + "manifest.json", Body=manifest(evil))
    with pytest.raises(LoaderError, match=r"manifest\.json: sha256 is .* expected"):
        run(locked(files), tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.servers
def test_a_missing_manifest_a_missing_file_and_a_missing_bucket_are_named(
    s3: Any, files: dict[str, bytes], tmp_path: Path
) -> None:
    s3.delete_object(Bucket=BUCKET, Key=PREFIX + "config.json")
    with pytest.raises(LoaderError, match=r"config\.json: no such object; push the model again"):
        run(locked(files), tmp_path)
    s3.delete_object(Bucket=BUCKET, Key=PREFIX + "manifest.json")
    with pytest.raises(LoaderError, match=r"manifest\.json: no such object"):
        run(locked(files), tmp_path)
    with pytest.raises(LoaderError, match="no such bucket"):
        fetch(bucket="absent", model="small", revision="a" * 40, manifest_sha256="0" * 64, target=tmp_path)


@pytest.mark.servers
def test_a_disk_that_is_too_small_is_refused_before_the_first_byte(
    s3: Any, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    small = os.statvfs_result([*list(real)[:4], 10 * 2**20 // real.f_frsize, *list(real)[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: small)
    with pytest.raises(LoaderError, match=r"0\.06 GB are missing and the disk has 0\.01 GB free"):
        run(locked(files), tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.servers
def test_a_disk_that_fills_up_keeps_what_was_fetched(
    s3: Any, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of all processes together: every byte is in its place once.
    real, written = os.pwrite, mmap.mmap(-1, 4096)

    def pwrite(descriptor: int, data: Any, position: int) -> int:
        count = int.from_bytes(written[:8], "big") + len(data)
        written[:8] = count.to_bytes(8, "big")
        if count > 30 * 2**20:
            raise OSError(28, "No space left on device")
        return real(descriptor, data, position)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(LoaderError, match=r"the disk is full at byte \d+ of \d+"):
        run(locked(files), tmp_path)
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.meta.endpoint_url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "rehearsal")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    result = run(locked(files), tmp_path)
    assert result.fetched_bytes < result.total_bytes - 15 * 2**20
    assert ".complete" in names(tmp_path)


@pytest.mark.servers
def test_a_loader_does_not_wait_forever_for_another(s3: Any, files: dict[str, bytes], tmp_path: Path) -> None:
    import fcntl

    folder_of(tmp_path).mkdir(parents=True)
    with (folder_of(tmp_path) / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        with pytest.raises(LoaderError, match="another loader has held it"):
            run(locked(files), tmp_path, wait_seconds=0.1)


class SlowProxy:
    """Passes bytes between the loader and the server slowly, so that a kill meets a transfer under way."""

    def __init__(self, endpoint: str, bytes_per_second: float) -> None:
        import socket

        host, port = endpoint.removeprefix("http://").split(":")
        self._upstream = (host, int(port))
        self._rate = bytes_per_second
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        import socket

        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            threading.Thread(target=self._pass, args=(client, server, 0.0), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self._rate), daemon=True).start()

    def _pass(self, source: Any, sink: Any, rate: float) -> None:
        with source, sink:
            try:
                while data := source.recv(2**17):
                    sink.sendall(data)
                    if rate:
                        time.sleep(len(data) / rate)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.mark.servers
def test_a_killed_loader_goes_on_where_it_was(s3: Any, endpoint: str, files: dict[str, bytes], tmp_path: Path) -> None:
    lock, total = locked(files), sum(map(len, files.values()))
    command = [sys.executable, "-m", "images.weights", "fetch", "--bucket", BUCKET, "--model", "small"]
    command += ["--revision", "a" * 40, "--manifest-sha256", manifest_sha256(lock), "--target", str(tmp_path)]
    command += ["--workers", "4"]
    proxy = SlowProxy(endpoint, 12e6)
    try:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "AWS_ENDPOINT_URL": proxy.endpoint})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and on_disk(tmp_path) < total // 2:
            time.sleep(0.02)
        before = on_disk(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    finally:
        proxy.close()
    assert total // 2 <= before < total
    assert ".complete" not in names(tmp_path)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    fetched = json.loads(done.stdout)["fetched_bytes"]
    # At most the four chunks that were in flight come again.
    assert fetched <= total - before + 5 * 2**20
    assert names(tmp_path) == {*files, "manifest.json", ".complete"}
    assert all((folder_of(tmp_path) / path).read_bytes() == content for path, content in files.items())


def on_disk(target: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in target.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.mark.servers
def test_a_map_that_lies_after_a_power_failure_leads_to_a_second_download(
    s3: Any, files: dict[str, bytes], tmp_path: Path
) -> None:
    path = "model-00002-of-00002.safetensors"
    folder = folder_of(tmp_path)
    folder.mkdir(parents=True)
    (folder / f"{path}.partial").write_bytes(bytes(len(files[path])))
    (folder / f"{path}.partial.map").write_bytes(b"\x01" * 10 + b"\0" * 7)
    run(locked(files), tmp_path)
    assert (folder / path).read_bytes() == files[path]


@pytest.mark.servers
def test_the_command_says_what_is_wrong_in_one_line_and_exits_with_1(
    s3: Any, files: dict[str, bytes], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "images.weights", "fetch", "--bucket", BUCKET, "--model", "small"]
    command += ["--revision", "a" * 40, "--manifest-sha256", "0" * 64, "--target", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"weights: manifest\.json: sha256 is .*\n", done.stderr)
    assert subprocess.run(command[:-2], cwd=ROOT, capture_output=True, timeout=60, check=False).returncode == 2


def test_parts_of_a_resumed_file_are_the_missing_ones(tmp_path: Path) -> None:
    file = WeightFile(path="a/model.gguf", size_bytes=5 * 2**20 + 7, sha256="0" * 64)
    first = PartialFile(tmp_path, file)
    assert first.missing(2 * 2**20) == [(0, 2 << 20), (2 << 20, 4 << 20), (4 << 20, (5 << 20) + 7)]
    writer = PartWriter(tmp_path, file)
    assert writer.write(2**20, memoryview(bytes(2**20))) == range(1, 2)
    # Half a chunk is none, and the file's end is one.
    assert writer.write(3 * 2**20, memoryview(bytes(2**19))) == range(3, 3)
    assert writer.write(5 * 2**20, memoryview(bytes(7))) == range(5, 6)
    writer.close()
    first.close()
    second = PartialFile(tmp_path, file)
    assert file.size_bytes - sum(end - start for start, end in second.missing(2 * 2**20)) == 2**20 + 7
    assert second.missing(2 * 2**20) == [(0, 1 << 20), (2 << 20, 4 << 20), (4 << 20, 5 << 20)]
    second.close()


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "a/../../b", ".complete"])
def test_a_manifest_whose_paths_lead_elsewhere_is_refused(path: str) -> None:
    content = json.dumps({"files": [{"path": path, "size_bytes": 1, "sha256": "0" * 64}]}).encode()
    with pytest.raises(LoaderError, match="not a plain relative path"):
        parse_manifest(content, hashlib.sha256(content).hexdigest())


def test_packages_of_the_image_are_those_of_the_lock() -> None:
    locked_lines = set((ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
    lines = (ROOT / "images" / "weights" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if "==" in line]
    assert {pin.split("==")[0] for pin in pins} >= {"boto3", "botocore", "urllib3"}
    for line in (line for line in lines if line.strip() and not line.startswith("#")):
        assert line in locked_lines or f"{line} \\" in locked_lines
