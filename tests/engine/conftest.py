"""A clone of the repository in a temporary folder, with the tools that are built, and a rehearsal of its own."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from components.settings.load import ROOT
from sandbox.tools import TOOLS
from tests.engine.clone import Clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """The clone; whatever its rehearsal started is ended."""
    path = tmp_path_factory.mktemp("clone") / "cloister"
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
    made = Clone(path=path)
    yield made
    made.cloister("rehearse", "stop", timeout=120)
