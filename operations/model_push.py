"""Brings a model's bytes into the weight cache, checked against the lock while they pass."""

import hashlib
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from components.model.lock import MANIFEST, LockedFile, ModelLock, manifest
from operations.errors import CommandError
from operations.hub import open_stream
from operations.push_meter import Meter
from operations.push_parts import ALGORITHM, PART_BYTES, PartsUpload, checksum, part_size
from operations.weight_cache import DIGEST_KEY, object_key, refusal, stored_files

# Two files side by side keep two hashes and two connections of the Hub busy; parts bound the memory.
FILES_AT_ONCE: Final = 2
PARTS_IN_FLIGHT: Final = 8

Opener = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Path inside the model -> its bytes as a stream."""


@dataclass(frozen=True, kw_only=True)
class PushResult:
    """What a push did."""

    uploaded_files: int
    kept_files: int
    uploaded_bytes: int
    resumed_bytes: int
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
    kms_key_arn: str | None = None,
    bytes_per_second: float | None = None,
) -> PushResult:
    """Uploads what is missing; the manifest comes last, so that no loader takes half a model.

    An object appears only after its digest was found right. A push that was interrupted or killed keeps the objects it
    finished and the parts it sent; the next one reads the source again, and sends only parts that are not there.

    Args:
        lock: a complete lock.
        source: where the bytes come from.
        bucket: the weight cache.
        s3: boto3's S3 client.
        progress: told about once a second how far it is.
        kms_key_arn: the key that the objects are encrypted with, whatever the bucket's default is; what lies there
            under another key is sent again. The bucket's default when None.
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
        or (kms_key_arn or found.kms_key_arn) != found.kms_key_arn
    ]
    meter = Meter(sum(file.size_bytes or 0 for file in missing), progress, bytes_per_second)
    upload = _Upload(lock, bucket, s3, kms_key_arn, meter)
    try:
        upload.files(missing, source)
        upload.manifest()
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"s3://{bucket}: {refusal(error)}") from None
    return PushResult(
        uploaded_files=len(missing),
        kept_files=len(lock.files) - len(missing),
        uploaded_bytes=meter.sent,
        resumed_bytes=meter.found,
        seconds=time.monotonic() - started,
    )


class _Upload:
    """Files of one model on their way into one bucket."""

    def __init__(self, lock: ModelLock, bucket: str, s3: Any, kms_key_arn: str | None, meter: Meter) -> None:
        self._lock, self._bucket, self._s3, self._meter = lock, bucket, s3, meter
        self._kms_key_arn = kms_key_arn
        self._slots = threading.BoundedSemaphore(PARTS_IN_FLIGHT + FILES_AT_ONCE)
        tags = {
            "cloister:model": lock.name,
            "cloister:revision": str(lock.revision),
            "cloister:licence": _tag_value(lock.licence.id),
        }
        self._common: dict[str, Any] = {"Tagging": urlencode(tags)}
        if kms_key_arn:
            self._common |= {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": kms_key_arn,
                "BucketKeyEnabled": True,
            }

    def files(self, files: list[LockedFile], source: Opener) -> None:
        """Streams files, some side by side; the first failure stops the others."""
        with ThreadPoolExecutor(PARTS_IN_FLIGHT) as senders, ThreadPoolExecutor(FILES_AT_ONCE) as readers:
            futures = [readers.submit(self._file, file, source, senders) for file in files]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._meter.stop()
                readers.shutdown(wait=True, cancel_futures=True)
                raise

    def manifest(self) -> None:
        """Writes the manifest."""
        content = manifest(self._lock)
        self._put(MANIFEST, content, hashlib.sha256(content).hexdigest())

    def _file(self, file: LockedFile, source: Opener, senders: ThreadPoolExecutor) -> None:
        """Streams one file; nothing appears under its key when the digest is wrong."""
        with source(file.path) as stream:
            if (file.size_bytes or 0) > PART_BYTES:
                self._parts(file, stream, senders)
                return
            content = stream.read(PART_BYTES + 1)
            self._meter.pace(len(content))
            self._check(file, hashlib.sha256(content).hexdigest())
            self._put(file.path, content, str(file.sha256))
            self._meter.count(len(content), True)

    def _put(self, path: str, content: bytes, sha256: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=object_key(self._lock, path),
            Body=content,
            Metadata={DIGEST_KEY: sha256},
            ChecksumCRC64NVME=checksum(content),
            **ALGORITHM,
            **self._common,
        )

    def _parts(self, file: LockedFile, stream: IO[bytes], senders: ThreadPoolExecutor) -> None:
        options = {"Metadata": {DIGEST_KEY: str(file.sha256)}, **self._common}
        upload = PartsUpload(self._s3, self._bucket, object_key(self._lock, file.path), options)
        part_bytes = part_size(file.size_bytes or 0, self._meter.bytes_per_second)
        digest, parts, whole = upload.send(
            stream, part_bytes, senders, self._slots, self._meter.count, self._meter.pace
        )
        try:
            self._check(file, digest)
        except CommandError:
            upload.abort()
            raise
        upload.complete(parts, whole)
        self._check_key(file.path)

    def _check_key(self, path: str) -> None:
        """An upload that an earlier push began keeps the key that it was begun with."""
        if self._kms_key_arn is None:
            return
        head = self._s3.head_object(Bucket=self._bucket, Key=object_key(self._lock, path))
        if (key := head.get("SSEKMSKeyId", "no key of KMS")) != self._kms_key_arn:
            raise CommandError(
                f"{path}: an earlier push began it with {key}, not {self._kms_key_arn}; run it again to replace that"
            )

    def _check(self, file: LockedFile, digest: str) -> None:
        if digest != file.sha256:
            raise CommandError(
                f"{file.path}: sha256 is {digest}, expected {file.sha256}; not the locked bytes, so not stored"
            )


def _tag_value(text: str) -> str:
    """A licence id with the characters that S3 takes in a tag."""
    return re.sub(r"[^\w .:/=+@-]", "-", text)[:256]
