"""What acquisition tells a person who waits."""

from typing import Protocol


class Reporter(Protocol):
    """Shows progress; the rehearsal passes its own."""

    def step(self, text: str, usual_seconds: float) -> None:
        """A part of the work begins that usually takes so long."""

    def line(self, text: str) -> None:
        """Something about the current part; a later line may replace it."""


class PlainReporter:
    """Prints every step and line."""

    def step(self, text: str, usual_seconds: float) -> None:
        """Print the step with its usual duration."""
        print(f"{text} (usually {usual_seconds:.0f} s)", flush=True)

    def line(self, text: str) -> None:
        """Print the line below its step."""
        print(f"  {text}", flush=True)
