"""Brings a model's bytes into the weight cache, checked against the lock while they pass."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from components.model.lock import MANIFEST, LockedFile, ModelLock, manifest
from operations.errors import CommandError
from operations.hub import open_stream
from operations.weight_cache import DIGEST_KEY, object_key, refusal, stored_files

PART_BYTES: Final = 32 * 2**20
# S3 takes 10,000 parts; larger files get larger parts.
MOST_PARTS: Final = 9000
PARTS_IN_FLIGHT: Final = 8
PROGRESS_SECONDS: Final = 0.5

Opener = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Path inside the model -> its bytes as a stream."""


@dataclass(frozen=True, kw_only=True)
class PushResult:
    """What a push did."""

    uploaded_files: int
    kept_files: int
    uploaded_bytes: int
    seconds: float


def folder_source(folder: Path) -> Opener:
    """Reads from a folder."""

    def opened(path: str) -> IO[bytes]:
        try:
            return (folder / path).open("rb")
        except OSError as error:
            raise CommandError(f"{folder / path}: {error.strerror}; the lock names this file") from None

    return opened


def hub_source(lock: ModelLock) -> Opener:
    """Reads the locked revision from the Hub."""
    return lambda path: open_stream(lock.repository, str(lock.revision), path)


def push(
    lock: ModelLock,
    source: Opener,
    bucket: str,
    s3: Any,
    *,
    progress: Callable[[str], None],
    kms_key_id: str | None = None,
    bytes_per_second: float | None = None,
) -> PushResult:
    """Uploads what is missing; the manifest comes last, so that no loader takes half a model.

    An object appears only after its digest was found right; a push that was interrupted keeps the objects it finished.

    Args:
        lock: a complete lock.
        source: where the bytes come from.
        bucket: the weight cache.
        s3: boto3's S3 client.
        progress: told about once a second how far it is.
        kms_key_id: the key that the objects are encrypted with; the bucket's own when None.
        bytes_per_second: at most so fast.

    Raises:
        CommandError: a digest is wrong, the lock is incomplete, or AWS refuses.
    """
    if not lock.complete:
        raise CommandError(f"models/{lock.name}.lock.yaml: incomplete ({lock.incomplete_reason}); complete it first")
    started = time.monotonic()
    stored = stored_files(lock, bucket, s3)
    missing = [
        file
        for file in lock.files
        if (found := stored.get(file.path)) is None
        or (found.size_bytes, found.sha256) != (file.size_bytes, file.sha256)
    ]
    upload = _Upload(lock, bucket, s3, kms_key_id, _Meter(missing, progress, bytes_per_second))
    try:
        for file in missing:
            upload.file(file, source)
        upload.manifest()
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"s3://{bucket}: {refusal(error)}") from None
    return PushResult(
        uploaded_files=len(missing),
        kept_files=len(lock.files) - len(missing),
        uploaded_bytes=upload.meter.done,
        seconds=time.monotonic() - started,
    )


class _Meter:
    """Counts bytes, keeps to the allowed rate, and reports."""

    def __init__(
        self, files: list[LockedFile], progress: Callable[[str], None], bytes_per_second: float | None
    ) -> None:
        self._total = sum(file.size_bytes or 0 for file in files)
        self._progress, self._limit = progress, bytes_per_second
        self._started = self._reported = time.monotonic()
        self._lock = threading.Lock()
        self.done = 0

    def count(self, size: int) -> None:
        with self._lock:
            self.done += size
            now = time.monotonic()
            elapsed = now - self._started
            if self._limit and (ahead := self.done / self._limit - elapsed) > 0:
                time.sleep(ahead)
            if now - self._reported >= PROGRESS_SECONDS:
                self._reported = now
                rate = self.done / elapsed
                left = (self._total - self.done) / rate
                self._progress(
                    f"{self.done / 1e6:.0f} of {self._total / 1e6:.0f} MB, {rate / 1e6:.0f} MB/s, {left:.0f} s left"
                )


class _Upload:
    """Files of one model on their way into one bucket."""

    def __init__(self, lock: ModelLock, bucket: str, s3: Any, kms_key_id: str | None, meter: _Meter) -> None:
        self._lock, self._bucket, self._s3, self.meter = lock, bucket, s3, meter
        self._common: dict[str, Any] = {
            "Tagging": urlencode({"cloister:model": lock.name, "cloister:revision": str(lock.revision)})
        }
        if kms_key_id:
            self._common |= {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": kms_key_id,
                "BucketKeyEnabled": True,
            }

    def file(self, file: LockedFile, source: Opener) -> None:
        """Streams one file; nothing appears under its key when the digest is wrong."""
        with source(file.path) as stream:
            if (file.size_bytes or 0) <= PART_BYTES:
                content = stream.read(PART_BYTES + 1)
                self._check(file, hashlib.sha256(content).hexdigest())
                self._put(file.path, content, str(file.sha256))
                self.meter.count(len(content))
            else:
                self._parts(file, stream)

    def manifest(self) -> None:
        """Writes the manifest."""
        content = manifest(self._lock)
        self._put(MANIFEST, content, hashlib.sha256(content).hexdigest())

    def _put(self, path: str, content: bytes, sha256: str) -> None:
        where = {"Bucket": self._bucket, "Key": object_key(self._lock, path)}
        self._s3.put_object(**where, Body=content, Metadata={DIGEST_KEY: sha256}, **self._common)

    def _parts(self, file: LockedFile, stream: IO[bytes]) -> None:
        where = {"Bucket": self._bucket, "Key": object_key(self._lock, file.path)}
        metadata = {DIGEST_KEY: str(file.sha256)}
        upload = self._s3.create_multipart_upload(**where, Metadata=metadata, **self._common)
        where["UploadId"] = upload["UploadId"]
        try:
            parts = self._send(file, stream, where)
            self._s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except BaseException:
            self._s3.abort_multipart_upload(**where)
            raise

    def _send(self, file: LockedFile, stream: IO[bytes], where: dict[str, str]) -> list[dict[str, Any]]:
        part_bytes = max(PART_BYTES, -(-(file.size_bytes or 0) // MOST_PARTS))
        digest = hashlib.sha256()
        slots = threading.BoundedSemaphore(PARTS_IN_FLIGHT)
        futures: list[Future[dict[str, Any]]] = []

        def send(number: int, content: bytes) -> dict[str, Any]:
            try:
                sent = self._s3.upload_part(**where, PartNumber=number, Body=content)
                self.meter.count(len(content))
                return {"ETag": sent["ETag"], "PartNumber": number} | {
                    key: value for key, value in sent.items() if key.startswith("Checksum") and key != "ChecksumType"
                }
            finally:
                slots.release()

        with ThreadPoolExecutor(min(PARTS_IN_FLIGHT, (os.cpu_count() or 1) * 4)) as pool:
            while content := stream.read(part_bytes):
                digest.update(content)
                slots.acquire()
                futures.append(pool.submit(send, len(futures) + 1, content))
                if any(future.done() and future.exception() for future in futures[-2 * PARTS_IN_FLIGHT :]):
                    break
            parts = [future.result() for future in futures]
        self._check(file, digest.hexdigest())
        return parts

    def _check(self, file: LockedFile, digest: str) -> None:
        if digest != file.sha256:
            raise CommandError(
                f"{file.path}: sha256 is {digest}, expected {file.sha256}; not the locked bytes, so not stored"
            )
