"""The loader's command line: `python -m images.weights fetch --bucket … --model … --revision … …`."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from images.weights.fetch import fetch
from images.weights.manifest import LoaderError


def main() -> int:
    """Runs the command; 0 when the model is complete on disk, 1 with one line otherwise, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="weights", description="Brings model weights from S3 to a local disk.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("save-cache", "store what an engine compiled"), ("restore-cache", "bring it back, checked")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--bucket", required=True, help="the weight cache")
        command.add_argument("--key", required=True, help="what it depends on: components.model.engine_cache")
        command.add_argument("--folder", required=True, type=Path, help="the engine's cache folder")
        if name == "restore-cache":
            command.add_argument("--sha256", required=True, help="the digest that save-cache said")
            command.add_argument("--optional", action="store_true", help="without it the engine compiles anew: exit 0")
    command = commands.add_parser("fetch", help="fetch one revision")
    command.add_argument("--bucket", required=True, help="the weight cache")
    command.add_argument("--model", required=True, help="name of the lock file")
    command.add_argument("--revision", required=True, help="the lock file's revision")
    command.add_argument("--manifest-sha256", required=True, help="digest that follows from the lock file")
    command.add_argument("--target", required=True, type=Path, help="folder on a local disk")
    command.add_argument("--workers", type=int, default=8, help="connections at once")
    command.add_argument("--wait-seconds", type=float, default=3600.0, help="patience with another loader")
    command.add_argument("--limit-bytes", type=int, help="what all models in the folder may take; older ones make room")
    command.add_argument(
        "--hold",
        type=_address,
        metavar="HOST:PORT",
        help="stay until SIGTERM, so that nobody evicts the model, and answer GET /metrics there",
    )
    arguments = parser.parse_args()
    # The first process of a container ignores signals that it does not handle; a kill at any moment is safe.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    try:
        return _fetch(arguments) if arguments.command == "fetch" else _engine_cache(arguments)
    except LoaderError as error:
        print(f"weights: {error}", file=sys.stderr)
        return 0 if getattr(arguments, "optional", False) else 1
    except OSError as error:
        where = error.filename or getattr(arguments, "target", None) or arguments.folder
        print(f"weights: {where}: {error.strerror}; check the disk", file=sys.stderr)
    return 1


def _fetch(arguments: argparse.Namespace) -> int:
    result = fetch(
        bucket=arguments.bucket,
        model=arguments.model,
        revision=arguments.revision,
        manifest_sha256=arguments.manifest_sha256,
        target=arguments.target,
        workers=arguments.workers,
        wait_seconds=arguments.wait_seconds,
        limit_bytes=arguments.limit_bytes,
    )
    print(result.line(), flush=True)
    if arguments.hold:
        from images.weights.holding import answer_metrics

        answer_metrics(arguments.hold, result.exposition().encode())
    return 0


def _address(words: str) -> tuple[str, int]:
    host, colon, port = words.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"{words!r} is no address; write it like 0.0.0.0:8001")
    return host, int(port)


def _engine_cache(arguments: argparse.Namespace) -> int:
    # It needs AWS's library, whose import is a large part of a small model's start.
    from images.weights.engine_cache import restore, save

    if arguments.command == "save-cache":
        said = {"event": "saved", "sha256": save(arguments.folder, arguments.bucket, arguments.key)}
    else:
        fetched = restore(arguments.folder, arguments.bucket, arguments.key, arguments.sha256)
        said = {"event": "restored" if fetched else "present", "sha256": arguments.sha256}
    print(json.dumps(said), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
