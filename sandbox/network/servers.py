"""The servers of a world: listeners that say where they are, load balancers, resolvers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from sandbox.network import kernel, names
from sandbox.network.world import Host, World

DNS: Final = 53
CLUSTER_DOMAIN: Final = "cluster.local"
CLUSTER_ADDRESS: Final = "172.20.0.1"
"""Stands for every service. Source: EKS User Guide, "View Amazon EKS networking requirements"."""
_BACKLOG: Final = 4096
"""Room for connections that nobody has taken yet; where it is too small, the kernel stays as silent as a filter."""
_SECONDS: Final = 2.0
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_Reply = Callable[[bytes], Awaitable[bytes]]


class Inside:
    """Makes sockets in the namespaces of hosts; a socket stays where it was made."""

    def __init__(self, namespaces: Mapping[str, int], home: int) -> None:
        self._namespaces, self._home = namespaces, home

    def open(self, host: str, kind: socket.SocketKind) -> socket.socket:
        """An unblocking socket of the host; of the router when the name is empty."""
        with kernel.inside(self._namespaces[host] if host else self._home, self._home):
            made = socket.socket(socket.AF_INET, kind)
        made.setblocking(False)
        return made

    def bound(self, host: str, address: str, port: int) -> socket.socket:
        """A socket with a fixed TCP port."""
        made = self.open(host, socket.SOCK_STREAM)
        made.bind((address, port))
        return made


async def serve(world: World, inside: Inside) -> None:
    """Open every server; one loop of this process runs them all, each in its own namespace."""
    for host in world.hosts:
        for port in host.ports:
            await _serve(_greeting(host.name), inside.bound(host.name, "0.0.0.0", port))
        for port in host.udp_ports:
            await _greet_datagrams(host.name, port, inside)
        if host.asks:
            await _name_server(host.name, "0.0.0.0", _asking(host, inside), inside)

    balancers = [(host, port) for host in world.hosts for port in host.forwards]  # their checks need the listeners
    handlers = await asyncio.gather(*(_balancer(host.name, host.forwards[port], inside) for host, port in balancers))
    for (host, port), handler in zip(balancers, handlers, strict=True):
        await _serve(handler, inside.bound(host.name, "0.0.0.0", port))

    async def answer(packet: bytes) -> bytes:
        return names.answer(packet, names.resolve(world.resolver, names.asked_name(packet)))

    for address in world.resolver.addresses:
        await _name_server("", address, answer, inside)


async def _serve(handler: _Handler, sock: socket.socket) -> None:
    await asyncio.start_server(handler, sock=sock, backlog=_BACKLOG)


async def ask(source: str, server: str, packet: bytes, transport: str, inside: Inside) -> bytes:
    """One question over a fresh UDP or TCP socket of the source."""
    loop = asyncio.get_running_loop()
    udp = transport == "udp"
    with inside.open(source, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as sock:
        await loop.sock_connect(sock, (server, DNS))
        await loop.sock_sendall(sock, packet if udp else struct.pack("!H", len(packet)) + packet)
        received = await loop.sock_recv(sock, 4096)
    return received if udp else received[2:]


def _greeting(name: str) -> _Handler:
    """Says its name and whom it sees, so that a packet at the wrong place is noticed."""

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{name} {writer.get_extra_info('peername')[0]}\n".encode())
        writer.close()

    return handle


async def _greet_datagrams(name: str, port: int, inside: Inside) -> None:
    """The same for whoever sends a datagram."""

    class Greeter(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self._transport = transport

        def datagram_received(self, _: bytes, addr: Any) -> None:
            self._transport.sendto(f"{name} {addr[0]}\n".encode(), addr)

    sock = inside.open(name, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    await asyncio.get_running_loop().create_datagram_endpoint(Greeter, sock=sock)


async def _balancer(name: str, targets: Sequence[tuple[str, int]], inside: Inside) -> _Handler:
    """Ends a client's connection and opens one of its own to a target that passed the check, as a TLS listener does."""
    loop = asyncio.get_running_loop()

    async def hand_over(target: tuple[str, int]) -> bytes:
        with inside.open(name, socket.SOCK_STREAM) as sock:
            async with asyncio.timeout(_SECONDS):
                await loop.sock_connect(sock, target)
                return await loop.sock_recv(sock, 4096)

    checks = await asyncio.gather(*(hand_over(target) for target in targets), return_exceptions=True)
    healthy = [target for target, found in zip(targets, checks, strict=True) if isinstance(found, bytes)]
    turns = itertools.cycle(healthy)

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{name} {writer.get_extra_info('peername')[0]}\n".encode())  # proved even when no target answers
        with contextlib.suppress(OSError, TimeoutError):
            if healthy:
                writer.write(await hand_over(next(turns)))
        writer.close()

    return handle


def _asking(host: Host, inside: Inside) -> _Reply:
    """Answers for the cluster's own names and hands every other question on, as CoreDNS does."""

    async def reply(packet: bytes) -> bytes:
        if names.covers(f"*.{CLUSTER_DOMAIN}", names.asked_name(packet)):
            return names.answer(packet, (CLUSTER_ADDRESS,))
        return await ask(host.name, host.asks, packet, "udp", inside)

    return reply


async def _name_server(host: str, address: str, reply: _Reply, inside: Inside) -> None:
    """Answers on port 53, over UDP and TCP."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = await reply(await reader.readexactly(length))
            writer.write(struct.pack("!H", len(answer)) + answer)
        writer.close()

    sock = inside.open(host, socket.SOCK_DGRAM)
    sock.bind((address, DNS))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(reply), sock=sock)
    await _serve(handle, inside.bound(host, address, DNS))


class _Datagrams(asyncio.DatagramProtocol):
    """A name server's UDP half."""

    def __init__(self, reply: _Reply) -> None:
        self._reply = reply
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer, each question by a task of its own."""
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: Any) -> None:
        with contextlib.suppress(OSError):
            self._transport.sendto(await self._reply(data), addr)


def fresh_number() -> int:
    """A number for one question; an answer with another one belongs to somebody else."""
    return secrets.randbelow(1 << 16)
