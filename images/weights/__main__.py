"""The loader's command line: `python -m images.weights fetch --bucket … --model … --revision … …`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from images.weights.fetch import fetch
from images.weights.manifest import LoaderError
from images.weights.partial import write_durably


def main() -> int:
    """Runs the command; 0 when the model is complete on disk, 1 with one line otherwise, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="weights", description="Brings model weights from S3 to a local disk.")
    command = parser.add_subparsers(dest="command", required=True).add_parser("fetch", help="fetch one revision")
    command.add_argument("--bucket", required=True, help="the weight cache")
    command.add_argument("--model", required=True, help="name of the lock file")
    command.add_argument("--revision", required=True, help="the lock file's revision")
    command.add_argument("--manifest-sha256", required=True, help="digest that follows from the lock file")
    command.add_argument("--target", required=True, type=Path, help="folder on a local disk")
    command.add_argument("--workers", type=int, default=8, help="connections at once")
    command.add_argument("--wait-seconds", type=float, default=3600.0, help="patience with another loader")
    command.add_argument("--limit-bytes", type=int, help="what all models in the folder may take; older ones make room")
    command.add_argument("--metrics-file", type=Path, help="where to write the numbers for Prometheus")
    command.add_argument("--hold", action="store_true", help="stay until SIGTERM, so that nobody evicts the model")
    arguments = parser.parse_args()
    # The first process of a container ignores signals that it does not handle; a kill at any moment is safe.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    try:
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
        if arguments.metrics_file:
            write_durably(arguments.metrics_file, result.exposition().encode())
    except LoaderError as error:
        print(f"weights: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"weights: {error.filename or arguments.target}: {error.strerror}; check the disk", file=sys.stderr)
        return 1
    print(result.line(), flush=True)
    while arguments.hold:
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
