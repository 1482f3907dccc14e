"""Brings `ip` and `nft`: those of the machine, else unpacked from its packages without being installed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sandbox.places import rehearsal_folder
from sandbox.tools.tool import ToolError

PACKAGES: Final = {"ip": "iproute2", "nft": "nftables"}
"""Program -> the package that has it, of the same name in every large distribution."""
ADMINISTRATORS_PATH: Final = ("/usr/sbin", "/sbin")
"""Where both programs lie, and what the PATH of people who are not root often lacks."""
_WAY_OUT: Final = "install the packages iproute2 and nftables (apt, dnf, zypper, pacman and apk know both names)"


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Both programs, and the environment that they run in."""

    ip: Path
    nft: Path
    environment: Mapping[str, str]


def ensure(folder: Path | None = None) -> Tools:
    """Both programs: those of the machine, else those that an earlier call or this one unpacked.

    Packages are fetched with the machine's own package manager and sources, into a folder of the rehearsal; neither
    root nor an installation is needed.

    Args:
        folder: the rehearsal's folder, by default `.cloister`.

    Raises:
        ToolError: neither is possible; the message says what to install.
    """
    installed = {name: _on_path(name) for name in PACKAGES}
    if installed["ip"] and installed["nft"]:
        return Tools(ip=installed["ip"], nft=installed["nft"], environment=os.environ)
    root = (folder or rehearsal_folder()) / "tools" / "network"
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test may be fetching the same
        if not all(_unpacked(root, name) for name in PACKAGES):
            _fetch(root)
    found = {name: _unpacked(root, name) for name in PACKAGES}
    if not (found["ip"] and found["nft"]):
        missing = ", ".join(name for name, path in found.items() if path is None)
        raise ToolError(f"{missing} was not in the packages that were fetched into {root}; {_WAY_OUT}")
    libraries = sorted({str(path.parent) for path in root.rglob("*.so.*")})
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(libraries)} if libraries else os.environ
    return Tools(ip=found["ip"], nft=found["nft"], environment=environment)


def _on_path(name: str) -> Path | None:
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *ADMINISTRATORS_PATH]))
    return Path(found) if found else None


def _unpacked(root: Path, name: str) -> Path | None:
    places = (root / "root" / place / name for place in ("usr/sbin", "sbin", "usr/bin", "bin"))
    return next((path for path in places if path.is_file()), None)


def _fetch(root: Path) -> None:
    """Fetch what this machine lacks of both packages and unpack it; apt computes which libraries that are."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise ToolError(f"{' or '.join(PACKAGES)} is missing on this machine, which has no apt-get; {_WAY_OUT}")
    with TemporaryDirectory(dir=root) as own:  # what an interrupted call left would spoil the next one
        for inside in ("lists/partial", "archives/partial"):
            Path(own, inside).mkdir(parents=True)
        apt = [
            "apt-get",
            "-q",
            *("-o", f"Dir::State::Lists={own}/lists"),
            *("-o", f"Dir::Cache={own}"),
            *("-o", "Debug::NoLocking=1"),  # nothing of the machine's is written, and its locks need root
            *("-o", "APT::Sandbox::User="),
        ]
        _run([*apt, "update"])
        wanted = list(PACKAGES.values())
        _run([*apt, "install", "--yes", "--no-install-recommends", "--reinstall", "--download-only", *wanted])
        for package in sorted(Path(own, "archives").glob("*.deb")):
            _run(["dpkg", "-x", str(package), f"{own}/root"])
        shutil.rmtree(root / "root", ignore_errors=True)
        Path(own, "root").rename(root / "root")


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ToolError(f"{' '.join(command)}: {problem}; {_WAY_OUT}") from problem
    if done.returncode != 0:
        lines = "\n".join((done.stdout + done.stderr).splitlines()[-6:])
        raise ToolError(f"{command[0]} could not bring ip and nft; {_WAY_OUT}\n{lines}")
