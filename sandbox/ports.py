"""Loopback ports: a free one, and a clear refusal when a wanted one is taken."""

import errno
import socket
from pathlib import Path

_LISTEN = "0A"  # /proc/net/tcp's number of the state


class PortTakenError(Exception):
    """A port that the rehearsal needs is held by another process; the message names both and the way out."""


def free_port(preferred: int = 0, address: str = "127.0.0.1") -> int:
    """The preferred port when nothing listens on it, otherwise any free one."""
    if preferred and is_free(preferred, address):
        return preferred
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def require_port(port: int, purpose: str, address: str = "127.0.0.1") -> int:
    """The port, when nothing listens on it.

    Raises:
        PortTakenError: it is taken.
    """
    if is_free(port, address):
        return port
    holder = holder_of(port) or "a process that cannot be looked up"
    raise PortTakenError(
        f"port {port} on {address}, wanted for {purpose}, is taken by {holder}; "
        "end that process (`make stop` ends the rehearsal's own) or choose another port in the stack's settings"
    )


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now.

    Raises:
        OSError: the address is not one of this machine, or the port needs privileges.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing do not hold it
        try:
            probe.bind((address, port))
        except OSError as refusal:
            if refusal.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def holder_of(port: int) -> str | None:
    """The process that listens on the port, as "name (pid 42)"; None when it cannot be seen from here."""
    inodes = {
        f"socket:[{fields[9]}]"
        for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
        if table.exists()
        for fields in (line.split() for line in table.read_text().splitlines()[1:])
        if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port
    }
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if any(str(handle.readlink()) in inodes for handle in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
    return None
