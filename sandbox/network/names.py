"""Just enough of DNS: questions for IPv4 addresses and their answers (RFC 1035)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sandbox.network.world import Resolver

NO_SUCH_NAME: Final = 3
_ADDRESS, _INTERNET = 1, 1


def question(name: str, number: int) -> bytes:
    """A packet that asks for the name's addresses."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", _ADDRESS, _INTERNET)


def asked_name(packet: bytes) -> str:
    """The name in a question."""
    labels, place = [], 12
    while packet[place]:
        labels.append(packet[place + 1 : place + 1 + packet[place]].decode())
        place += 1 + packet[place]
    return ".".join(labels)


def answer(packet: bytes, addresses: Sequence[str] | None) -> bytes:
    """The answer to a question; None says that there is no such name."""
    code = NO_SUCH_NAME if addresses is None else 0
    end = 12 + len(asked_name(packet)) + 2 + 4
    header = packet[:2] + struct.pack("!5H", 0x8180 | code, 1, len(addresses or ()), 0, 0)
    records = (
        struct.pack("!3HIH", 0xC00C, _ADDRESS, _INTERNET, 60, 4) + socket.inet_aton(address)
        for address in addresses or ()
    )
    return header + packet[12:end] + b"".join(records)


def addresses_in(packet: bytes) -> tuple[str, ...] | None:
    """The addresses of an answer that `answer` made; None when there is no such name."""
    _, flags, _, count = struct.unpack("!4H", packet[:8])
    if flags & 0xF == NO_SUCH_NAME:
        return None
    start = 12 + len(asked_name(packet)) + 2 + 4
    return tuple(socket.inet_ntoa(packet[start + 16 * place + 12 : start + 16 * place + 16]) for place in range(count))


def resolve(resolver: Resolver, name: str) -> tuple[str, ...] | None:
    """What the VPC's resolver says: the firewall first, then private names, then the world's."""
    for rule in resolver.rules:
        if any(covers(pattern, name) for pattern in rule.patterns):
            if rule.action == "BLOCK":
                return None if rule.block_response == "NXDOMAIN" else ()
            break
    return closest(resolver.records, name) or (resolver.public,)


def closest(records: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...] | None:
    """The records of the name itself, else of the longest wildcard above it."""
    if name in records:
        return records[name]
    wildcards: Iterable[str] = (pattern for pattern in records if pattern.startswith("*.") and covers(pattern, name))
    best = max(wildcards, key=len, default=None)
    return records[best] if best else None


def covers(pattern: str, name: str) -> bool:
    """Whether a pattern of the firewall means the name: `*` all, `*.a.b` everything below a.b, else exactly it.

    Source: Route 53 Developer Guide, "Domain lists": a leading `*` stands for one or more labels.
    """
    wanted, given = pattern.rstrip(".").lower(), name.rstrip(".").lower()
    if wanted == "*":
        return True
    return given.endswith(wanted[1:]) and given != wanted[2:] if wanted.startswith("*.") else given == wanted
