"""One large file on its way into the weight cache as parts: what an interrupted push left is taken up again."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from typing import IO, Any, Final

from awscrt.checksums import combine_crc64nvme, crc64nvme
from botocore.exceptions import ClientError

from operations.errors import CommandError

PART_BYTES: Final = 32 * 2**20
# S3 takes parts of 5 MiB and more, 10,000 of them; larger files get larger parts.
LEAST_PART_BYTES: Final = 5 * 2**20
MOST_PARTS: Final = 9000
PIECE_BYTES: Final = 2**20
ALGORITHM: Final = {"ChecksumAlgorithm": "CRC64NVME"}


def checksum(content: bytes) -> str:
    """CRC64NVME as S3 writes it."""
    return _text(crc64nvme(content))


def part_size(file_bytes: int, bytes_per_second: float | None) -> int:
    """Bytes of a part: small ones under a bandwidth cap, so that no part bursts for longer than some seconds."""
    wanted = min(PART_BYTES, max(LEAST_PART_BYTES, int(4 * bytes_per_second))) if bytes_per_second else PART_BYTES
    return max(wanted, -(-file_bytes // MOST_PARTS))


class PartsUpload:
    """The parts of one file; nothing appears under its key before `complete`.

    Args:
        s3: boto3's S3 client.
        bucket: the weight cache.
        key: of the object.
        options: how the object is made: encryption, tags, metadata.
    """

    def __init__(self, s3: Any, bucket: str, key: str, options: dict[str, Any]) -> None:
        self._s3, self._where = s3, {"Bucket": bucket, "Key": key}
        self._known: dict[int, dict[str, Any]] = {}
        left = self._left_over()
        if left is None:
            left = s3.create_multipart_upload(**self._where, **options, **ALGORITHM, ChecksumType="FULL_OBJECT")
        self._where["UploadId"] = left["UploadId"]

    def send(
        self,
        stream: IO[bytes],
        part_bytes: int,
        pool: Executor,
        slots: threading.BoundedSemaphore,
        count: Callable[[int, bool], None],
        pace: Callable[[int], None],
    ) -> tuple[str, list[dict[str, Any]], str]:
        """Sends what is not there yet; the sha256 of all bytes, the parts, and the checksum over all.

        Args:
            stream: the file from its first byte.
            part_bytes: the size of a part.
            pool: sends parts.
            slots: one for each part that may be in memory.
            count: told the bytes of each part that is stored, and whether they were sent now.
            pace: told the bytes of each piece that was read; waits under a bandwidth cap.
        """
        digest, whole = hashlib.sha256(), 0
        futures: list[Future[dict[str, Any]]] = []
        try:
            for content in _parts(stream, part_bytes, slots, pace):
                digest.update(content)
                part_sum = crc64nvme(content)
                whole = combine_crc64nvme(whole, part_sum, len(content))
                futures.append(pool.submit(self._one, len(futures) + 1, content, _text(part_sum), slots, count))
                if any(future.done() and future.exception() for future in futures[-16:]):
                    break
        finally:
            # Nobody else may use the slots of parts that are still on their way.
            wait(futures)
        return digest.hexdigest(), [future.result() for future in futures], _text(whole)

    def complete(self, parts: list[dict[str, Any]], whole: str) -> None:
        """Lets the object appear; S3 refuses when its own checksum over all bytes is another."""
        self._s3.complete_multipart_upload(
            **self._where, MultipartUpload={"Parts": parts}, ChecksumCRC64NVME=whole, ChecksumType="FULL_OBJECT"
        )

    def abort(self) -> None:
        """Throws the parts away."""
        self._s3.abort_multipart_upload(**self._where)

    def _one(
        self,
        number: int,
        content: bytes,
        part_sum: str,
        slots: threading.BoundedSemaphore,
        count: Callable[[int, bool], None],
    ) -> dict[str, Any]:
        try:
            known = self._known.get(number)
            stored = known is not None and _same(known, content, part_sum)
            if known is None or not stored:
                try:
                    known = self._s3.upload_part(
                        **self._where, PartNumber=number, Body=content, **ALGORITHM, ChecksumCRC64NVME=part_sum
                    )
                except ClientError as error:
                    if error.response["Error"]["Code"] != "NoSuchUpload":
                        raise
                    raise CommandError(
                        f"{self._where['Key']}: another push has ended this upload; run the push again"
                    ) from None
            count(len(content), not stored)
            assert known is not None
            return {"ETag": known["ETag"], "PartNumber": number, "ChecksumCRC64NVME": part_sum}
        finally:
            slots.release()

    def _left_over(self) -> dict[str, Any] | None:
        """The upload that an interrupted push left for this key, with its parts."""
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._where["Bucket"], Prefix=self._where["Key"]
        )
        found: list[dict[str, Any]] = [
            upload
            for page in pages
            for upload in page.get("Uploads", ())
            if upload["Key"] == self._where["Key"] and upload.get("ChecksumAlgorithm") == "CRC64NVME"
        ]
        if not found:
            return None
        parts = self._s3.get_paginator("list_parts").paginate(**self._where, UploadId=found[-1]["UploadId"])
        self._known = {part["PartNumber"]: part for page in parts for part in page.get("Parts", ())}
        return found[-1]


def _parts(
    stream: IO[bytes], part_bytes: int, slots: threading.BoundedSemaphore, pace: Callable[[int], None]
) -> Iterator[bytes]:
    """Each part once there is room for it in memory; whoever takes it gives the room back."""
    while True:
        slots.acquire()
        content = bytearray()
        try:
            while len(content) < part_bytes and (piece := stream.read(min(PIECE_BYTES, part_bytes - len(content)))):
                pace(len(piece))
                content += piece
        except BaseException:
            slots.release()
            raise
        if not content:
            slots.release()
            return
        yield bytes(content)


def _same(known: dict[str, Any], content: bytes, part_sum: str) -> bool:
    """Whether a stored part has these bytes; a store that lists no checksum gives an MD5 as the tag."""
    if known.get("Size") != len(content):
        return False
    if listed := known.get("ChecksumCRC64NVME"):
        return bool(listed == part_sum)
    return bool(known["ETag"].strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest())


def _text(value: int) -> str:
    return base64.b64encode(value.to_bytes(8, "big")).decode()
