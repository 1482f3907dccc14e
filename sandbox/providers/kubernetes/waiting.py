"""Waits until an object is live or gone, and says meanwhile what it waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sandbox.providers.kubernetes.api import Api, Object, UnknownKindError
from sandbox.providers.kubernetes.readiness import FailedError, missing, reasons

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0


class NotLiveError(Exception):
    """The object exists but did not become live in time; `live` is its last state, `reasons` say why."""

    def __init__(self, live: Object, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.live = live
        self.reasons = reasons


def until_live(
    api: Api, live: Object, seconds: float, cancelled: threading.Event, say: Callable[[str], None]
) -> Object:
    """The object once it is live.

    Args:
        api: the API server.
        live: the object as it was after the last change.
        seconds: how long to wait.
        cancelled: ends the wait early.
        say: told what is still missing and why, whenever that changes.

    Raises:
        NotLiveError: it failed, vanished, or was not live in time.
    """
    deadline, pause, said = time.monotonic() + seconds, _FIRST_PAUSE, ""
    while True:
        try:
            lacking = missing(api, live)
        except FailedError as failure:
            raise NotLiveError(live, [str(failure), *reasons(api, live)]) from failure
        if lacking is None:
            return live
        if cancelled.is_set() or time.monotonic() > deadline:
            why = "the update was cancelled" if cancelled.is_set() else f"timed out after {seconds:.0f} s"
            raise NotLiveError(live, [f"{why}: {lacking}", *reasons(api, live)])
        if pause >= _LONGEST_PAUSE:
            message = "; ".join([lacking, *reasons(api, live)[:1]])
            if message != said:
                say(message)
                said = message
        cancelled.wait(min(pause, max(deadline - time.monotonic(), 0.01)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        current = api.get(live)
        if current is None:
            raise NotLiveError(live, ["the object was deleted by somebody else meanwhile"])
        live = current


def until_gone(
    api: Api, wanted: Object, seconds: float, cancelled: threading.Event, say: Callable[[str], None]
) -> bool:
    """Whether the object with this uid was gone in time."""
    deadline, pause, said = time.monotonic() + seconds, _FIRST_PAUSE, ""
    while True:
        try:
            live = api.get(wanted)
        except UnknownKindError:  # its definition went first
            return True
        if live is None or live["metadata"]["uid"] != wanted["metadata"]["uid"]:
            return True
        if cancelled.is_set() or time.monotonic() > deadline:
            return False
        held = (
            ", ".join(live["metadata"].get("finalizers") or live.get("spec", {}).get("finalizers") or []) or "nothing"
        )
        message = f"waiting for deletion; finalizers: {held}"
        if pause >= _LONGEST_PAUSE and message != said:
            say(message)
            said = message
        cancelled.wait(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
