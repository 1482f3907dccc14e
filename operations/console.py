"""What long commands print while they work: steps with their usual time, lines below them, progress."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.status import Status

PROGRESS_SECONDS: Final = 15.0
"""Where the output is no terminal, progress is printed at most this often."""


class Console:
    """Prints for a person; where the output is no terminal, plain lines that a CI log can hold."""

    def __init__(self, rich: RichConsole | None = None) -> None:
        self.rich = rich or RichConsole(highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._title = ""
        self._started = 0.0
        self._printed = 0.0

    @contextmanager
    def step(self, title: str, usual_seconds: float | None = None) -> Iterator[None]:
        """Announce a step, and say at its end how long it took; steps may be nested."""
        outer = (self._title, self._started)
        usual = f" [dim](usually {duration(usual_seconds)})[/dim]" if usual_seconds else ""
        self.rich.print(f"[bold]{escape(title)}[/bold]{usual}")
        self._title, self._started, self._printed = title, time.monotonic(), time.monotonic()
        try:
            yield
        finally:
            self._clear()
            took = time.monotonic() - self._started
            self._title, self._started = outer
        self.rich.print(f"  [green]done[/green] in {duration(took)}")

    def line(self, text: str) -> None:
        """One line below the current step."""
        self._clear()
        self.rich.print(f"  {escape(text)}")

    def progress(self, text: str) -> None:
        """What the current step is doing: replaced by the next call on a terminal, rarely printed elsewhere."""
        elapsed = time.monotonic() - self._started
        if self.rich.is_terminal:
            if self._status is None:
                self._status = self.rich.status("")
                self._status.start()
            self._status.update(f"{escape(text)} [dim]{duration(elapsed)}[/dim]")
        elif time.monotonic() - self._printed >= PROGRESS_SECONDS:
            self._printed = time.monotonic()
            self.rich.print(f"  {escape(text)} ({duration(elapsed)})")

    def _clear(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def duration(seconds: float) -> str:
    """Seconds as a person says them: `0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
