"""The control plane's ports: chosen once, kept in a file, and refused with the holder's name when somebody took one."""

from __future__ import annotations

import json
import random
from collections.abc import Collection
from pathlib import Path

from sandbox.kubernetes.files import write_private
from sandbox.ports import holder_of, is_free

ROLES = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")

# Below the range that the kernel takes for outgoing connections, so that a kept port is still free tomorrow.
_CANDIDATES = range(15000, 32000)


class PortHeldError(Exception):
    """A kept port is held by another process; the message names port, holder and way out."""


def kept_ports(file: Path, running: Collection[str]) -> dict[str, int]:
    """Role -> port, the same at every start.

    Args:
        file: where they are kept.
        running: the roles that run already and so hold their own ports.

    Raises:
        PortHeldError: another process listens on a kept port.
    """
    if not file.exists():
        free = (port for port in random.sample(_CANDIDATES, len(_CANDIDATES)) if is_free(port))
        write_private(file, json.dumps({role: next(free) for role in ROLES}, indent=1))
    ports: dict[str, int] = json.loads(file.read_text())
    for role, port in ports.items():
        if role.removesuffix("-peer") not in running and not is_free(port):
            raise PortHeldError(
                f"port {port} on 127.0.0.1, kept for {role} in {file}, is taken by "
                f"{holder_of(port) or 'a process that cannot be looked up'}; end that process, or delete {file} "
                "(the cluster then gets new ports and the platform stack a new endpoint)"
            )
    return ports
