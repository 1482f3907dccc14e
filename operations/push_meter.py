"""How far a push is: counts, keeps to a bandwidth, reports."""

import threading
import time
from collections.abc import Callable
from typing import Final

from operations.errors import CommandError

PROGRESS_SECONDS: Final = 0.5


class Meter:
    """Safe to use from many threads.

    Args:
        total: bytes to bring over.
        progress: told about twice a second how far it is.
        bytes_per_second: at most so fast.
    """

    def __init__(self, total: int, progress: Callable[[str], None], bytes_per_second: float | None) -> None:
        self._total, self._progress, self.bytes_per_second = total, progress, bytes_per_second
        self._started = self._reported = time.monotonic()
        self._lock, self._pacing = threading.Lock(), threading.Lock()
        self._stopped = threading.Event()
        self._read = 0
        self.sent = 0
        self.found = 0

    def pace(self, size: int) -> None:
        """Counts bytes that were read, and waits until the bandwidth allows more.

        Raises:
            CommandError: `stop` was called.
        """
        if self._stopped.is_set():
            raise CommandError("stopped; run the push again to go on")
        if not self.bytes_per_second:
            return
        with self._pacing:
            self._read += size
            ahead = self._read / self.bytes_per_second - (time.monotonic() - self._started)
            if ahead > 0:
                self._stopped.wait(ahead)

    def count(self, size: int, sent: bool) -> None:
        """Counts bytes that are stored: sent now, or found from an earlier push."""
        with self._lock:
            if sent:
                self.sent += size
            else:
                self.found += size
            now = time.monotonic()
            if now - self._reported >= PROGRESS_SECONDS:
                self._reported = now
                self._progress(self._line(now - self._started))

    def stop(self) -> None:
        """Ends whoever reads."""
        self._stopped.set()

    def _line(self, elapsed: float) -> str:
        done, rate = self.sent + self.found, self.sent / elapsed
        left = f"{(self._total - done) / rate:.0f} s left" if rate else "what an earlier push sent is there"
        return f"{done / 1e6:.0f} of {self._total / 1e6:.0f} MB, {rate / 1e6:.0f} MB/s, {left}"
