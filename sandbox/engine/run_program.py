"""Runs one Pulumi program for the language host: connects the SDK to the engine, then runs the program's folder.

It imports nothing but Pulumi, because it runs in the program's own virtualenv. Exit code 32: the engine has been told.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import runpy
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pulumi
import pulumi.runtime

SHOWN_TO_USER: Final = 32


def main(arguments: Sequence[str]) -> int:
    """Run the program to the end of its last resource and return the exit code that the host expects."""
    options = _parse(arguments)
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=options.monitor,
            engine=options.engine,
            project=options.project,
            stack=options.stack,
            organization=options.organization,
            root_directory=options.root_directory,
            parallel=options.parallel,
            dry_run=options.dry_run == "true",
        )
    )
    program = Path(options.program)
    if not (program.is_file() or (program / "__main__.py").is_file()):
        pulumi.log.error(f"{program}: no program here; `main` in Pulumi.yaml names a folder with a __main__.py")
        return SHOWN_TO_USER

    # After a failed resource some futures are never awaited; asyncio's complaints about that would hide the failure.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(max_workers=max(options.parallel, 1) * 4)
    loop.set_default_executor(threads)
    sys.argv = [options.program, *options.arguments]
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _run(options.program)))
        return 0
    except pulumi.RunError as problem:
        pulumi.log.error(str(problem))
        return SHOWN_TO_USER
    except Exception as problem:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{program_traceback(problem, program)}")
        return SHOWN_TO_USER
    finally:
        threads.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()


def program_traceback(problem: BaseException, program: Path) -> str:
    """The exception's traceback from the program's own first frame on; the whole one when no frame is the program's."""
    main_file = (program if program.is_file() else program / "__main__.py").resolve()
    frames = traceback.extract_tb(problem.__traceback__)
    first = next((i for i, frame in enumerate(frames) if Path(frame.filename).resolve() == main_file), 0)
    return "".join(traceback.format_exception(type(problem), problem, problem.__traceback__, limit=first - len(frames)))


def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("monitor", "engine", "project", "stack", "organization", "root-directory", "dry-run"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("program")
    parser.add_argument("arguments", nargs="*")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
