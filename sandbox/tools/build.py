"""Builds a tool with Go from the module proxy that `go env GOPROXY` names."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

from sandbox.tools.reporter import Reporter
from sandbox.tools.tool import Tool, ToolError, build_command

_LINE_SECONDS = 3.0


def build(tool: Tool, root: Path, target: Path, report: Reporter) -> None:
    """Build the tool into the target file; interrupted builds go on where they were, out of Go's own cache.

    Raises:
        ToolError: Go is missing, or the build failed.
    """
    if shutil.which("go") is None:
        raise ToolError("go is not installed")
    folder = root / tool.source
    environment = {**os.environ, "CGO_ENABLED": "0"}
    report.step(f"building {tool.name} {tool.version} with Go", tool.build_seconds)
    report.line("resolving modules")
    total = _package_count(tool, folder, environment)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    process = subprocess.Popen(
        build_command(tool, draft.absolute()),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        errors = _follow(process, tool, total, report)
        if process.wait() != 0:
            raise ToolError(f"`go build` of {tool.name} failed in {tool.source}:\n" + "\n".join(errors))
        draft.replace(target)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        draft.unlink(missing_ok=True)


def _package_count(tool: Tool, folder: Path, environment: dict[str, str]) -> int:
    listed = subprocess.run(
        ["go", "list", "-deps", tool.package], cwd=folder, env=environment, capture_output=True, text=True
    )
    if listed.returncode != 0:
        lines = "\n".join(listed.stderr.splitlines()[-8:])
        raise ToolError(f"the Go modules of {tool.name} could not be had from the module proxy:\n{lines}")
    return len(listed.stdout.split())


def _follow(process: subprocess.Popen[str], tool: Tool, total: int, report: Reporter) -> list[str]:
    """Report every few seconds how many packages `go build -v` has named; returns its last lines, for a failure."""
    begun = time.monotonic()
    last: deque[str] = deque(maxlen=12)
    compiled: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                last.append(line.rstrip())
                if " " not in line.strip():
                    compiled.append(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while reader.is_alive():  # linking takes long and says nothing
        reader.join(_LINE_SECONDS)
        seconds = f"{time.monotonic() - begun:.0f} s"
        report.line(f"{tool.name}: {len(compiled)} of at most {total} packages compiled, {seconds}")
    return list(last)
