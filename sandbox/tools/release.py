"""Pulumi's official releases, where the internet can be reached.

Not run where this was written (no internet there): the addresses are those of Pulumi's installation page.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from sandbox.tools.reporter import Reporter
from sandbox.tools.tool import PULUMI, ToolError

_RELEASES = "https://get.pulumi.com/releases/sdk"
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def is_reachable(url: str = _RELEASES, seconds: float = 5) -> bool:
    """Whether anything answers there at all; decided within seconds."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
            return True
    except urllib.error.HTTPError:  # it answers, if only with a refusal
        return True
    except OSError:
        return False


def install_pulumi(folder: Path, report: Reporter) -> Path:
    """Download, verify and unpack the official release with its language hosts; returns `pulumi`.

    Raises:
        ToolError: the release has no archive for this machine, or the archive's sha256 is not the published one.
    """
    version = PULUMI.version
    home = folder / "pulumi" / version
    binary = home / "pulumi" / "pulumi"
    if binary.exists():
        return binary
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if architecture is None:
        raise ToolError(f"Pulumi has no release for {platform.machine()}")
    archive = f"pulumi-{version}-{sys.platform}-{architecture}.tar.gz"
    report.step(f"downloading {archive}", 30)
    published = _fetch(f"{_RELEASES}/pulumi-{version.removeprefix('v')}-checksums.txt").decode()
    wanted = next((line.split()[0] for line in published.splitlines() if line.endswith(archive)), None)
    content = _fetch(f"{_RELEASES}/{archive}")
    found = hashlib.sha256(content).hexdigest()
    if wanted != found:
        raise ToolError(f"{archive}: sha256 is {found}, the published one is {wanted}")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as draft:
        file = Path(draft, archive)
        file.write_bytes(content)
        unpacked = Path(draft, "unpacked")
        with tarfile.open(file) as tar:
            tar.extractall(unpacked, filter="data")
        shutil.rmtree(home, ignore_errors=True)
        unpacked.rename(home)
    return binary


def install_plugin(pulumi: Path, home: Path, name: str, version: str) -> bool:
    """Install an official provider plugin into a Pulumi home; False when it could not be had."""
    command = [str(pulumi), "plugin", "install", "resource", name, f"v{version}"]
    environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content: bytes = answer.read()
            return content
    except OSError as problem:
        raise ToolError(f"{url}: {problem}") from problem
