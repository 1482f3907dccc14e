"""A copy of the working tree in which commands run as in a fresh clone."""

import base64
import json
import os
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


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
