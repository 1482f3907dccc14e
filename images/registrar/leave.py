"""SIGTERM as an interruption: nothing that waits for AWS delays the pod's leave."""

import time


class LeavingError(BaseException):
    """SIGTERM came. No `Exception`, so that nobody who catches those holds it up."""


class Leave:
    """Remembers SIGTERM, and interrupts whatever is under way between `arm` and the signal, once."""

    def __init__(self) -> None:
        self.asked = False
        self._armed = False

    def handle(self, *_: object) -> None:
        """The signal's handler.

        Raises:
            LeavingError: the first time, if armed.
        """
        first, self.asked = not self.asked, True
        if first and self._armed:
            raise LeavingError

    def arm(self) -> None:
        """From here on the signal interrupts.

        Raises:
            LeavingError: it has come already.
        """
        self._armed = True
        self.check()

    def check(self) -> None:
        """For the case that the interruption met a place where Python drops exceptions, such as a finalizer.

        Raises:
            LeavingError: the signal has come.
        """
        if self.asked:
            raise LeavingError

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the signal.

        Raises:
            LeavingError: the signal has come.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, 1.0))
        self.check()
