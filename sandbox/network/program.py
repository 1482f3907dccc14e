"""`python -m sandbox.network.program IP NFT`: builds the world that it is sent, and knocks at every door it is told to.

One line of JSON in, one out: first a world, then lists of knocks and questions. It ends with its input, and with it
every namespace, cable and server: nothing of them lives anywhere but in this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from sandbox.network import kernel, names
from sandbox.network.build import BuildError, build
from sandbox.network.prober import Prober
from sandbox.network.servers import Inside, ask, fresh_number, serve
from sandbox.network.world import Knock, Question, world_from

KNOCKS_AT_ONCE: Final = 8000
QUESTIONS_AT_ONCE: Final = 100
FEWEST_FILES: Final = 4096
"""Below this a network of three zones has more servers than files may be open."""


async def main(ip: str, nft: str) -> int:
    """Build, serve, and answer requests until the input ends."""
    lines = asyncio.StreamReader(limit=1 << 28)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        _open_files()
        home = kernel.seal()
        world = world_from(json.loads(await lines.readline()))
        begun = time.monotonic()
        namespaces = build(world, home, ip, nft, os.environ)
    except (kernel.NamespacesError, BuildError) as problem:
        _say({"problem": str(problem)})
        return 1
    inside = Inside(namespaces, home)
    at_once = min(KNOCKS_AT_ONCE, _open_files() // 2)
    await serve(world, inside)
    _say({"built_seconds": time.monotonic() - begun})
    while line := await lines.readline():
        request = json.loads(line)
        patience = request["patience_seconds"]
        prober = Prober(inside.open, patience, at_once)
        knocks = [Knock(**each) for each in request["knocks"]]
        questions = [Question(**each) for each in request["questions"]]
        # In a thread of its own, which enters the sources' namespaces while this one serves.
        heard = await asyncio.to_thread(prober.run, knocks)
        _say({"knocks": heard, "questions": await _questions(questions, patience, inside)})
    return 0


async def _questions(questions: Sequence[Question], patience: float, inside: Inside) -> list[Any]:
    """Ask all of them, a bounded number at once: UDP has no second attempt. Answers in the order of the questions."""
    places = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def one(question: Question) -> Any:
        async with places:
            return await _question(question, patience, inside)

    return await asyncio.gather(*(one(question) for question in questions))


async def _question(question: Question, patience: float, inside: Inside) -> list[str] | str | None:
    """The addresses, null for no such name, or `-` and why there was no answer."""
    number = fresh_number()
    packet = names.question(question.name, number)
    try:
        async with asyncio.timeout(patience):
            answer = await ask(question.source, question.server, packet, question.transport, inside)
    except (OSError, TimeoutError) as problem:
        return f"- {os.strerror(problem.errno) if problem.errno else 'no answer'}"
    if answer[:2] != packet[:2]:
        return "- the answer to another question"
    found = names.addresses_in(answer)
    return None if found is None else list(found)


def _open_files() -> int:
    """How many files may be open, raised to what the machine allows.

    Raises:
        NamespacesError: they are too few.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    if allowed != resource.RLIM_INFINITY and allowed < FEWEST_FILES:
        raise kernel.NamespacesError(f"only {allowed} files may be open; allow {FEWEST_FILES} (ulimit -Hn)")
    return KNOCKS_AT_ONCE * 2 if allowed == resource.RLIM_INFINITY else allowed


def _say(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
