"""Brings the rehearsal's tools into `.cloister/bin`, from the nearest place that has them."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.places import REPOSITORY
from sandbox.tools import cache, release
from sandbox.tools.build import build
from sandbox.tools.launchers import install_language_host
from sandbox.tools.reporter import Reporter
from sandbox.tools.tool import PULUMI, TOOLS, Tool, ToolError, build_key

_OLDEST_PULUMI = (3, 200)


def ensure(names: Iterable[str], folder: Path, report: Reporter, root: Path = REPOSITORY) -> dict[str, Path]:
    """The path of every named tool, brought into the folder's `bin` where it is not there yet.

    In this order: what an earlier run left, `pulumi` on PATH, the user's cache, the official release, a build with Go.

    Args:
        names: of `TOOLS`: "pulumi", "control-plane".
        folder: the rehearsal's folder (`.cloister`).
        report: shown what is done and how long it usually takes.
        root: the repository, which has the Go modules.

    Raises:
        ToolError: a tool could not be had; the message names the ways out.
    """
    bin_folder = folder / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    with (bin_folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be building the same
        # Side by side: one build's downloads, serial packages and linking leave a core to the other.
        with ThreadPoolExecutor(len(TOOLS)) as pool:
            work = {name: pool.submit(_ensure, TOOLS[name], folder, report, root) for name in names}
        return {name: done.result() for name, done in work.items()}


def _ensure(tool: Tool, folder: Path, report: Reporter, root: Path) -> Path:
    target = folder / "bin" / tool.name
    key, stamp = build_key(tool, root), target.with_name(f".{tool.name}.key")
    if target.exists() and not target.is_symlink() and _read(stamp) == key:
        return _with_language_host(tool, target, folder)
    if tool is PULUMI and (found := _pulumi_on_path(target.parent)):
        return _linked(target, found)

    stamp.unlink(missing_ok=True)
    if target.is_symlink():
        target.unlink()
    if cache.fetch(key, target):
        report.line(f"{tool.name} {tool.version} from {cache.stored(key)}")
    elif tool is PULUMI and release.is_reachable():
        return _linked(target, release.install_pulumi(folder, report))
    else:
        _build(tool, root, target, report)
        report.line(f"keeping it in {cache.stored(key)}")
        cache.store(key, target)
    _probe(tool, target)
    stamp.write_text(key)
    return _with_language_host(tool, target, folder)


def _with_language_host(tool: Tool, target: Path, folder: Path) -> Path:
    if tool is PULUMI:  # a built engine comes without it
        install_language_host(folder)
    return target


def _linked(target: Path, complete: Path) -> Path:
    """A link to an engine that has its own language host; ours beside it would come first."""
    target.with_name("pulumi-language-python").unlink(missing_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(complete)
    return target


def _build(tool: Tool, root: Path, target: Path, report: Reporter) -> None:
    try:
        build(tool, root, target, report)
    except ToolError as problem:
        on_path = "put pulumi >= 3.200 with its Python language host on PATH, or " if tool is PULUMI else ""
        raise ToolError(
            f"{tool.name} {tool.version} is not in {target.parent}, not in {cache.stored('x').parent}, and cannot "
            f"be built: {problem}\n{on_path}install Go >= 1.21 (it fetches the Go 1.26 that the build needs by itself) "
            "and see that `go env GOPROXY` can be reached"
        ) from problem


def _pulumi_on_path(bin_folder: Path) -> Path | None:
    """A `pulumi` that the user installed, if it is recent and complete."""
    entries = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(entry for entry in entries if entry and Path(entry) != bin_folder)
    found = shutil.which("pulumi", path=path)
    if found is None:
        return None
    beside = Path(found).resolve().with_name("pulumi-language-python")
    complete = shutil.which("pulumi-language-python", path=path) or beside.exists()
    match = re.match(r"v(\d+)\.(\d+)\.", _output([found, "version"]))
    if not (complete and match and (int(match[1]), int(match[2])) >= _OLDEST_PULUMI):
        return None
    return Path(found)


def _probe(tool: Tool, target: Path) -> None:
    if tool.version not in _output([str(target), *tool.probe]):
        target.unlink()
        raise ToolError(
            f"{target} does not run here: `{tool.name} {' '.join(tool.probe)}` does not answer {tool.version}"
        )


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
