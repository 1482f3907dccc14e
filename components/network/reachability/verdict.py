"""Answers with their reasons."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Step:
    """One lock on the way: whether it opened, and in words what decided."""

    allowed: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An answer with its reasons.

    Attributes:
        allowed: whether every lock opened.
        by: if so, every lock in the order of the way; if not, every lock that stayed shut: each of them alone suffices.
    """

    allowed: bool
    by: tuple[str, ...]


def verdict(steps: Sequence[Step]) -> Verdict:
    """All locks must open."""
    shut = tuple(step.text for step in steps if not step.allowed)
    return Verdict(allowed=not shut, by=shut or tuple(step.text for step in steps))
