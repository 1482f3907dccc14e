"""A copy of the working tree in which commands run as in a fresh clone."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


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
