"""The account that a provider works in: its region, its clients, and identifiers that repeat after a restart."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Final

import botocore.session
from botocore.config import Config

from components.catalog.regions import partition

SEED_HEADER: Final = "X-Cloister-Seed"
"""Names the seed of the identifiers that moto draws while it answers this request."""

_CONFIG: Final = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=30)


@cache
def session() -> botocore.session.Session:
    """The one session of this process: it keeps the service models, which take long to read."""
    return botocore.session.get_session()


def seed_of(urn: str, generation: int) -> str:
    """The seed of a resource's identifiers; a replacement has the next generation and so another identifier."""
    return hashlib.sha256(f"{urn}#{generation}".encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Account:
    """Clients of one region against the stand-in's endpoint.

    Args:
        region: the provider's region.
        endpoint: moto's address, `http://127.0.0.1:<port>`.
    """

    region: str
    endpoint: str = field(default_factory=lambda: os.environ.get("AWS_ENDPOINT_URL", ""))
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _seed: threading.local = field(default_factory=threading.local, repr=False)

    @cached_property
    def partition(self) -> str:
        """The region's partition, such as `aws` or `aws-eusc`."""
        return str(session().get_partition_for_region(self.region))

    @cached_property
    def dns_suffix(self) -> str:
        """The domain of the partition's host names, such as `amazonaws.com` or `amazonaws.eu`."""
        return partition(self.region).dns_suffix

    @cached_property
    def id(self) -> str:
        """The account's twelve digits, as STS tells them."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def client(self, service: str) -> Any:
        """A boto3 client of the service in this region."""
        with self._lock:
            if service not in self._clients:
                client = session().create_client(
                    service, region_name=self.region, endpoint_url=self.endpoint or None, config=_CONFIG
                )
                client.meta.events.register("before-sign.*.*", self._add_seed)
                self._clients[service] = client
            return self._clients[service]

    @contextmanager
    def seeded(self, seed: str) -> Iterator[None]:
        """Within it, what moto draws for this thread depends on the seed and the number of the request alone."""
        self._seed.value, self._seed.requests = seed, 0
        try:
            yield
        finally:
            self._seed.value = None

    def control(self, method: str, path: str) -> Any:
        """An answer of the account server's own pages under `/cloister/`."""
        request = urllib.request.Request(f"{self.endpoint}/cloister/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _add_seed(self, request: Any, **_: Any) -> None:
        if getattr(self._seed, "value", None):
            self._seed.requests += 1
            request.headers[SEED_HEADER] = f"{self._seed.value}/{self._seed.requests}"
