"""`python -m sandbox.providers.docker.port_proxy PORT=ADDRESS:PORT …`: a container's published ports, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import sys


async def forward(port: int, address: str, inner_port: int) -> asyncio.Server:
    """Listen on 127.0.0.1 and copy every connection to the container and back, as Docker's own proxy does."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(address, inner_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        for stream in (inner_writer, writer):
            stream.close()

    return await asyncio.start_server(connected, "127.0.0.1", port, backlog=512)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def main(arguments: list[str]) -> None:
    """Forward every given port until the process is ended."""
    for argument in arguments:
        port, _, target = argument.partition("=")
        address, _, inner_port = target.rpartition(":")
        await forward(int(port), address, int(inner_port))
    print("forwarding", *arguments, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))
