"""Network namespaces without mounts and without root: each is held by an open file, and gone when the process is."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NEW_NET: Final = 0x40000000
_NEW_USER: Final = 0x10000000
_WAY_OUT: Final = (
    "run as root, or allow it: sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); a container needs CAP_SYS_ADMIN and a seccomp profile "
    "that lets it call unshare, and a writable /proc/sys"
)
_libc = ctypes.CDLL(None, use_errno=True)


class NamespacesError(Exception):
    """This machine makes no network namespaces; the message says what allows them."""


def seal() -> int:
    """Leave the machine's network for an empty one of this process's own, for good; returns a file that holds it.

    Raises:
        NamespacesError: the kernel refuses.
    """
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEW_USER | _NEW_NET) == 0:
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        except OSError as problem:  # Ubuntu's AppArmor lets the call pass and takes the capabilities away
            raise NamespacesError(f"a user namespace is made here, but without rights: {problem}; {_WAY_OUT}") from None
    else:
        reason = os.strerror(ctypes.get_errno())
        if _libc.unshare(_NEW_NET) != 0:  # root, where user namespaces are switched off, may have this one still
            raise NamespacesError(f"no network namespace can be made here: {reason}; {_WAY_OUT}")
    return _current()


def new_namespace(home: int) -> int:
    """One more, empty network namespace; this thread stays in `home`."""
    if _libc.unshare(_NEW_NET) != 0:
        raise NamespacesError(f"no further network namespace: {os.strerror(ctypes.get_errno())}")
    made = _current()
    _enter(home)
    return made


@contextlib.contextmanager
def inside(namespace: int, home: int) -> Iterator[None]:
    """What is opened or started within belongs to the namespace, for as long as it lives."""
    _enter(namespace)
    try:
        yield
    finally:
        _enter(home)


def switch(name: str, value: str) -> None:
    """Set a `net.…` sysctl of the namespace that this thread is in; one that the kernel lacks needs no setting.

    Raises:
        NamespacesError: it cannot be set, as in a container whose /proc/sys is read-only.
    """
    path = Path("/proc/sys", *name.split("."))
    try:
        if path.exists() and path.read_text().strip() != value:
            path.write_text(value)
    except OSError as problem:
        raise NamespacesError(f"{name} cannot be set to {value}: {problem}; {_WAY_OUT}") from None


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _NEW_NET) != 0:
        raise NamespacesError(f"a network namespace cannot be entered: {os.strerror(ctypes.get_errno())}")


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
