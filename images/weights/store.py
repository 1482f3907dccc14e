"""Reads ranges of objects from S3: boto3 knows the credentials and the address, plain sockets carry the bytes."""

import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlsplit

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path

from images.weights.connection import TIMEOUT_SECONDS, Connection, Head, InterruptedTransferError
from images.weights.manifest import LoaderError

ATTEMPTS: Final = 6
LONGEST_PAUSE_SECONDS: Final = 5.0
AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
AGAIN_ERRORS: Final = (ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror)
MEANING: Final = {
    "ExpiredToken": "the credentials have expired; start again with fresh ones",
    "InvalidAccessKeyId": "the credentials are unknown; check the pod's identity",
    "AccessDenied": "access denied; check the pod's identity, the bucket's policy and the key's policy",
    "403": "access denied; check the pod's identity, the bucket's policy and the key's policy",
    "NoSuchKey": "no such object; push the model again",
    "NoSuchBucket": "no such bucket; check its name",
    "InvalidRange": "shorter than the manifest says; push the model again",
}
# What becomes of bytes: (position in the object, view of the bytes); the view is valid during the call only.
Sink = Callable[[int, memoryview], None]


class Store:
    """Objects below one prefix of one bucket; safe to use from many threads, each of which has its own connection."""

    def __init__(self, bucket: str, prefix: str, chunk_bytes: int) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._chunk_bytes = chunk_bytes
        session = boto3.Session()
        self._credentials: Any = session.get_credentials()
        if self._credentials is None:
            raise LoaderError("no AWS credentials found; give the pod an identity that may read the bucket")
        try:
            config = Config(connect_timeout=10, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 4})
            self._client: Any = session.client("s3", config=config)
            # The address as boto3 forms it: endpoint, region and style of the bucket's name.
            address = self._client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"})
        except BotoCoreError as error:
            raise LoaderError(f"{error}; set AWS_REGION") from None
        self._address = urlsplit(address.split("?")[0].removesuffix("x"))
        self._tls: ssl.SSLContext | None = None
        if self._address.scheme == "https":
            self._tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True))
        self._local = threading.local()
        self._etags: dict[str, str] = {}

    def read(self, name: str) -> bytes:
        """A small object as a whole.

        Raises:
            LoaderError: it is not there, or may not be read.
        """
        try:
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise LoaderError(f"{self._where(name)}: {MEANING.get(code, code)}") from None
        except BotoCoreError as error:
            raise LoaderError(f"{self._where(name)}: {error}") from None
        return body

    def read_range(self, name: str, start: int, end: int, size: int, sink: Sink) -> None:
        """Hands the bytes from `start` up to `end` to the sink, in order, and goes on after interruptions.

        Args:
            name: the object, below the prefix.
            start: first byte.
            end: byte after the last.
            size: what the object's whole size must be.
            sink: takes the bytes.

        Raises:
            LoaderError: the object is missing, has another size, changed meanwhile, or the store stays unreachable.
        """
        reached, failures = start, 0

        def advance(position: int, view: memoryview) -> None:
            nonlocal reached, failures
            sink(position, view)
            reached, failures = position + len(view), 0

        while reached < end:
            try:
                self._read_once(name, reached, end, size, advance)
            except (InterruptedTransferError, *AGAIN_ERRORS) as error:
                self.release()
                failures += 1
                if failures >= ATTEMPTS:
                    reason = str(error) or type(error).__name__
                    raise LoaderError(f"{self._where(name)}: gave up after {failures} attempts: {reason}") from None
                time.sleep(min(0.1 * 2**failures, LONGEST_PAUSE_SECONDS))

    def _read_once(self, name: str, start: int, end: int, size: int, sink: Sink) -> None:
        connection, buffer = self._connection()
        head = connection.get(*self._signed(name, start, end))
        if head.status != 206:
            self._refuse(name, head, connection, size)
        self._check_same_object(name, head, start, end, size)
        while start < end:
            view = buffer[: min(len(buffer), end - start)]
            try:
                connection.fill(view)
            except BaseException:
                # Every byte that came is kept, so that even a slow connection gets on.
                if connection.filled:
                    sink(start, view[: connection.filled])
                raise
            sink(start, view)
            start += len(view)
        if not head.stays_open:
            self.release()

    def _signed(self, name: str, start: int, end: int) -> tuple[str, dict[str, str]]:
        path = self._address.path + quote(self._prefix + name)
        request = AWSRequest("GET", f"{self._address.scheme}://{self._address.netloc}{path}")
        S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._client.meta.region_name).add_auth(request)
        # The range is not signed: it chooses among bytes that the signature opens anyway.
        host = {"Host": self._address.netloc}
        return path, host | dict(request.headers.items()) | {"Range": f"bytes={start}-{end - 1}"}

    def _check_same_object(self, name: str, head: Head, start: int, end: int, size: int) -> None:
        sent, _, stored = head.field("content-range").rpartition("/")
        if stored != str(size):
            raise LoaderError(f"{self._where(name)}: {stored} bytes, the manifest says {size}; push the model again")
        if sent != f"bytes {start}-{end - 1}" or head.length != end - start:
            raise InterruptedTransferError(f"asked for bytes {start} to {end - 1}, the store sent {sent}")
        etag = head.field("etag")
        if self._etags.setdefault(name, etag) != etag:
            raise LoaderError(f"{self._where(name)}: replaced while it was read; start again")

    def _refuse(self, name: str, head: Head, connection: Connection, size: int) -> None:
        if head.status == 200:
            raise LoaderError(f"{self._where(name)}: the store ignores ranges; check AWS_ENDPOINT_URL")
        found = re.search(r"<Code>(\w+)</Code>", connection.text(4096))
        code = found[1] if found else str(head.status)
        if head.status in AGAIN or code == "RequestTimeout":
            raise InterruptedTransferError(f"{head.status} {code}")
        meaning = MEANING.get(code, f"{head.status} {code}")
        raise LoaderError(f"{self._where(name)}: {meaning}" + (f" ({size} bytes)" if code == "InvalidRange" else ""))

    def _connection(self) -> tuple[Connection, memoryview]:
        if getattr(self._local, "connection", None) is None:
            port = self._address.port or (443 if self._tls else 80)
            self._local.connection = Connection(self._address.hostname or "", port, self._tls)
            if getattr(self._local, "buffer", None) is None:
                self._local.buffer = memoryview(bytearray(self._chunk_bytes))
        return self._local.connection, self._local.buffer

    def release(self) -> None:
        """Closes the calling thread's connection."""
        if connection := getattr(self._local, "connection", None):
            connection.close()
        self._local.connection = None

    def close(self) -> None:
        """Closes what all threads share."""
        self._client.close()

    def _where(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"
