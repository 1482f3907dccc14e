"""A copy of the working tree in which commands run as in a fresh clone."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from components.settings.load import ROOT
from sandbox.tools import TOOLS

START = (
    "from operations.console import Console; from operations.rehearse import stand_ins;"
    "from sandbox import tools; from sandbox.places import rehearsal_folder;"
    "tools.ensure(tools.TOOLS, rehearsal_folder(), tools.PlainReporter());"
    "tools.install_plugins(rehearsal_folder()); stand_ins.start(Console())"
)
"""Brings up the stand-ins, and nothing on them."""


def make_clone(path: Path) -> "Clone":
    """Copy what git knows of the working tree, and what a fresh clone would have to build."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    (path / ".venv").symlink_to(ROOT / ".venv")
    # Launchers in `bin` name the repository that they belong to, so the clone has binaries of its own.
    (path / ".cloister" / "bin").mkdir(parents=True)
    for tool in TOOLS:
        for name in (tool, f".{tool}.key"):
            if (ROOT / ".cloister" / "bin" / name).exists():
                shutil.copy2(
                    ROOT / ".cloister" / "bin" / name, path / ".cloister" / "bin" / name, follow_symlinks=False
                )
    (path / ".cloister" / "vllm").symlink_to(ROOT / ".cloister" / "vllm")
    # Ports of its own: the developer's rehearsal may be running.
    for stack in (path / "stacks").glob("Pulumi.edge-rehearsal*.yaml"):
        text = stack.read_text(encoding="utf-8")
        stack.write_text(
            text.replace("port: 8443", "port: 18443").replace("port: 8444", "port: 18444"), encoding="utf-8"
        )
    return Clone(path=path)


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A copy of the working tree; commands run in it import it, not the tree under test's `.venv`."""

    path: Path

    @property
    def folder(self) -> Path:
        return self.path / ".cloister"

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PULUMI_", "CLOISTER_"))}
        return kept | {"PYTHONPATH": str(self.path), "CLOISTER_FOLDER": str(self.folder), "COLUMNS": "200"}

    def run(self, *argv: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, cwd=self.path, env=self.environment(), capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self) -> None:
        """Bring up the stand-ins of AWS and Kubernetes."""
        started = self.run(sys.executable, "-c", START)
        assert started.returncode == 0, started.stdout + started.stderr

    def cloister(self, *arguments: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-c", "from operations.main import main; main()", *arguments, timeout=timeout)

    def shell(self, script: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a line as a person would: after `source .cloister/env`."""
        return self.run("bash", "-c", f"source .cloister/env && {script}", timeout=timeout)

    def kubernetes(self, path: str) -> dict[str, Any]:
        """What the clone's Kubernetes API has there."""
        reach = json.loads((self.folder / "kubernetes" / "cluster.json").read_text(encoding="utf-8"))
        admin = json.loads(Path(reach["admin_kubeconfig"]).read_text(encoding="utf-8"))
        authority = base64.b64decode(reach["certificate_authority"]).decode()
        answer = httpx.get(
            reach["endpoint"] + path,
            headers={"Authorization": f"Bearer {admin['users'][0]['user']['token']}"},
            verify=ssl.create_default_context(cadata=authority),
            trust_env=False,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
