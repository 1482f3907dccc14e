"""A push that is killed, cut off or disturbed, against a real S3 server on loopback."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.model.lock import ModelLock, dump, manifest_sha256
from images.weights.fetch import fetch
from images.weights.manifest import LoaderError
from operations import hub, hub_answers, push_parts
from operations.errors import CommandError
from operations.model_lock import lock_from_folder
from operations.model_push import folder_source, push
from operations.model_verify import verify_bucket
from operations.push_meter import Meter
from operations.weight_cache import object_key
from tests.loopback_s3 import s3_client, s3_server
from tests.operations.fake_hub import CONFIG

ROOT = Path(__file__).parents[2]
BUCKET = "disturbed-weights"
MIB = 2**20
SLOW_PUSH = """
import sys
from pathlib import Path
import boto3
from components.model.lock import load_lock
from operations import push_parts
from operations.model_push import folder_source, push
push_parts.PART_BYTES = 5 * 2**20
lock, folder = load_lock(Path(sys.argv[1])), Path(sys.argv[2])
push(lock, folder_source(folder), sys.argv[3], boto3.client("s3"), progress=print, bytes_per_second=25 * 2**20)
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(push_parts, "PART_BYTES", 5 * MIB)
    with s3_client(endpoint, BUCKET, monkeypatch) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    (made / "model.safetensors").write_bytes(os.urandom(70 * MIB))
    return made


def lock_of(folder: Path) -> ModelLock:
    return lock_from_folder(folder, "small", repository="example/small", licence="mit", note="made by a test")


def silent(text: str) -> None:
    assert text


def parts_of(s3: Any, lock: ModelLock) -> int:
    """Bytes of the model's large file that are stored as parts."""
    key = object_key(lock, "model.safetensors")
    uploads = s3.list_multipart_uploads(Bucket=BUCKET, Prefix=key).get("Uploads", [])
    found = [s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload["UploadId"]) for upload in uploads]
    return sum(part["Size"] for one in found for part in one.get("Parts", []))


@pytest.mark.servers
def test_a_killed_push_leaves_nothing_to_take_and_the_next_one_goes_on(s3: Any, folder: Path, tmp_path: Path) -> None:
    lock = lock_of(folder)
    path = tmp_path / "small.lock.yaml"
    path.write_text(dump(lock))
    process = subprocess.Popen([sys.executable, "-c", SLOW_PUSH, path, folder, BUCKET], cwd=ROOT)
    while process.poll() is None and parts_of(s3, lock) < 20 * MIB:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    stored = parts_of(s3, lock)
    problems = "\n".join(verify_bucket(lock, BUCKET, s3))
    assert "model.safetensors: missing" in problems
    assert "manifest.json: missing, so no loader takes the model" in problems
    with pytest.raises(LoaderError, match=r"manifest\.json: no such object"):
        fetch(
            bucket=BUCKET,
            model="small",
            revision=str(lock.revision),
            manifest_sha256=manifest_sha256(lock),
            target=tmp_path / "cache",
        )
    again = push(lock, folder_source(folder), BUCKET, s3, progress=silent)
    # A part that was under way when the kill came may have been stored after it was counted.
    assert 20 * MIB <= stored <= again.resumed_bytes
    assert again.resumed_bytes + again.uploaded_bytes <= sum(file.size_bytes or 0 for file in lock.files)
    assert verify_bucket(lock, BUCKET, s3, read_all=True) == []
    assert parts_of(s3, lock) == 0


@pytest.mark.servers
def test_parts_of_an_earlier_push_with_other_bytes_are_sent_again(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)
    key = object_key(lock, "model.safetensors")
    left = s3.create_multipart_upload(Bucket=BUCKET, Key=key, ChecksumAlgorithm="CRC64NVME")
    s3.upload_part(Bucket=BUCKET, Key=key, UploadId=left["UploadId"], PartNumber=1, Body=bytes(5 * MIB))
    result = push(lock, folder_source(folder), BUCKET, s3, progress=silent)
    assert result.resumed_bytes == 0
    assert verify_bucket(lock, BUCKET, s3, read_all=True) == []


@pytest.mark.servers
def test_a_push_whose_upload_somebody_ended_says_so(s3: Any, folder: Path) -> None:
    upload = push_parts.PartsUpload(s3, BUCKET, "models/small/x", {})

    def refuse(**_: Any) -> None:
        raise s3.exceptions.NoSuchUpload({"Error": {"Code": "NoSuchUpload"}}, "UploadPart")

    s3.upload_part = refuse
    with (
        (folder / "model.safetensors").open("rb") as stream,
        ThreadPoolExecutor(2) as pool,
        pytest.raises(CommandError, match="another push has ended this upload"),
    ):
        upload.send(stream, 5 * MIB, pool, threading.BoundedSemaphore(2), lambda *_: None, lambda _: None)


@pytest.mark.servers
def test_one_failing_file_stops_the_others(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(CommandError, match=r"config\.json: sha256 is"):
        push(lock, folder_source(folder), BUCKET, s3, progress=silent, bytes_per_second=20 * MIB)
    assert "manifest.json: missing" in "\n".join(verify_bucket(lock, BUCKET, s3))


class CuttingHub(http.server.BaseHTTPRequestHandler):
    """Sends at most 3 MB an answer, then cuts the connection; refuses every second request."""

    content = os.urandom(10_000_000)
    ranges: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "bytes=0-")
        self.ranges.append(asked)
        if len(self.ranges) % 2 == 0:
            self.send_error(503)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : start + 3_000_000])

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_stream_of_the_hub_goes_on_after_interruptions(monkeypatch: pytest.MonkeyPatch) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CuttingHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(hub, "hf_hub_url", lambda *_, **__: f"http://127.0.0.1:{server.server_port}/model")
    monkeypatch.setattr(hub_answers, "PAUSE_SECONDS", 0.001)
    with hub.open_stream("example/small", "a" * 40, "model.safetensors") as stream:
        content = b"".join(iter(lambda: stream.read(MIB), b""))
    server.shutdown()
    server.server_close()
    assert content == CuttingHub.content
    assert CuttingHub.ranges[0] == "bytes=0-"
    assert len(CuttingHub.ranges) >= 7


def test_progress_says_rate_and_time_left_without_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    said: list[str] = []
    meter = Meter(100_000_000, said.append, None)
    meter.count(40_000_000, False)
    meter.count(20_000_000, True)
    assert said == [
        "40 of 100 MB, 0 MB/s, what an earlier push sent is there",
        "60 of 100 MB, 10 MB/s, 4 s left",
    ]


@pytest.mark.parametrize(
    ("size", "rate", "expected"),
    [(10**9, None, 32 * MIB), (10**9, 1e6, 5 * MIB), (10**9, 4e6, 16_000_000), (10**12, None, 111_111_112)],
)
def test_parts_are_small_under_a_cap_and_few_for_a_large_file(size: int, rate: float | None, expected: int) -> None:
    assert push_parts.part_size(size, rate) == expected
