"""Processes that move the bytes: each has one connection, writes a part where it belongs and says which chunks came.

Processes and not threads: a TLS connection of Python comes back to the interpreter with every 16 KiB, and threads that
wait for one another there took a third more processor time.
"""

import os
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Never

from images.weights.manifest import LoaderError, WeightFile
from images.weights.partial import PartWriter
from images.weights.store import Store

MESSAGE_BYTES: Final = 2**16


class Worker:
    """One process. It ends with its maker, even a killed one: then nobody holds the other end of the lifeline.

    Make all workers before the first thread. They inherit the maker's locks, so whoever waits for one waits for them.

    Args:
        store: where parts come from.
        folder: where the files are.
        lifeline: one end of a pair of sockets; the worker ends when nobody has the other one.
        cut: that other one, to be closed in the worker.
    """

    def __init__(self, store: Store, folder: Path, lifeline: socket.socket, cut: socket.socket) -> None:
        self._channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = os.fork()
        if not self._process:
            self._channel.close()
            cut.close()
            _live(channel, lifeline, store, folder)
        channel.close()

    def fetch(self, file: WeightFile, start: int, end: int) -> Iterator[int]:
        """The chunks of a part, each when it is on disk.

        Raises:
            LoaderError: the part cannot be fetched or written, or the process is gone.
        """
        try:
            self._channel.send(pickle.dumps((file, start, end)))
            while said := self._channel.recv(MESSAGE_BYTES):
                answer: Any = pickle.loads(said)
                if answer is None:
                    return
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        except ConnectionError:
            pass
        raise LoaderError(f"{file.path}: a worker process was killed; give the container more memory")

    def join(self) -> None:
        """Waits until the process has ended; the other end of the lifeline must be closed before."""
        self._channel.close()
        os.waitpid(self._process, 0)


def _live(channel: socket.socket, lifeline: socket.socket, store: Store, folder: Path) -> Never:
    """Never returns into what the maker was doing."""
    try:
        threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
        while asked := channel.recv(MESSAGE_BYTES):
            channel.send(pickle.dumps(_fetch(channel, store, folder, *pickle.loads(asked))))
    finally:
        os._exit(0)


def _end_with(lifeline: socket.socket) -> None:
    lifeline.recv(1)
    os._exit(0)


def _fetch(
    channel: socket.socket, store: Store, folder: Path, file: WeightFile, start: int, end: int
) -> Exception | None:
    def sink(position: int, view: memoryview) -> None:
        for chunk in writer.write(position, view):
            channel.send(pickle.dumps(chunk))

    try:
        with closing(PartWriter(folder, file)) as writer:
            store.read_range(file.path, start, end, file.size_bytes, sink)
    except Exception as error:
        return error
    return None
