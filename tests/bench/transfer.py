"""The loader beside other S3 clients: the same objects over HTTP and TLS on loopback, all bytes verified, as ratios.

`python -m tests.bench.transfer [--rounds N] [--files 8] [--mib 256] [--folder /dev/shm]`: rounds are interleaved, so
that a slow minute of the machine hits every client alike. The loader compares SHA-256 while bytes come. Peers do not,
so each is followed by the same comparison, of all files with two threads; its time counts, and is shown. Whole
processes are measured, with their start. It says ratios and never fails: a time depends on the machine.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.transfer_site import BUCKET, MODEL, REVISION, Site, missing_peers, peers, prepare, serving

LOADER: Final = "our loader"
SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One client's run; `verify_seconds` is 0 where the client verified while it fetched."""

    seconds: float
    verify_seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def verified_seconds(self) -> float:
        """Until every byte was known to be right."""
        return self.seconds + self.verify_seconds


def main() -> None:
    """Measure, and print a table for each scheme."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--mib", type=int, default=256, help="size of each file")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="where clients write")
    parser.add_argument("--schemes", default=",".join(SCHEMES))
    options = parser.parse_args()
    for line in missing_peers():
        print(line)
    with tempfile.TemporaryDirectory(prefix="cloister-bench-") as place:
        site = prepare(Path(place), options.files, options.mib)
        with serving(site):
            for scheme in options.schemes.split(","):
                show(scheme, site, measure(site, scheme, options.rounds, options.folder))


def measure(site: Site, scheme: str, rounds: int, folder: Path) -> dict[str, list[Run]]:
    """Client -> its runs; the first round warms up and is not counted."""
    names = [LOADER, *peers(site, scheme, folder)]
    measured: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names:
            with tempfile.TemporaryDirectory(prefix="cloister-bench-", dir=folder) as target:
                run = _loader(site, scheme, Path(target)) if name == LOADER else _peer(site, scheme, name, Path(target))
            if number:
                measured[name].append(run)
        print(f"  {scheme} round {number} of {rounds} done" + ("" if number else " (warm-up)"), flush=True)
    return measured


def show(scheme: str, site: Site, measured: dict[str, list[Run]]) -> None:
    """Print medians, and how fast the loader is beside each: above 1 it is faster, in the same round."""
    gigabytes = site.size_bytes / 1e9
    print(f"\n{scheme}, {len(site.digests)} files, {gigabytes:.2f} GB, all times with verification unless said")
    heads = f"{'s':>7}{'GB/s':>7}{'SHA-256 after, s':>18}{'CPU s/GB':>10}{'peak MiB':>10}{'loader x':>10}"
    print(f"{'client':<24}{heads}")
    ours = measured[LOADER]
    for name, runs in measured.items():
        seconds = statistics.median(run.verified_seconds for run in runs)
        print(
            f"{name:<24}{seconds:>7.2f}{gigabytes / seconds:>7.2f}"
            f"{statistics.median(run.verify_seconds for run in runs):>18.2f}"
            f"{statistics.median(run.cpu_seconds for run in runs) / gigabytes:>10.2f}"
            f"{max(run.peak_mib for run in runs):>10.0f}{_ratio([run.verified_seconds for run in runs], ours):>10.2f}"
        )
    peers = [runs for name, runs in measured.items() if name != LOADER]
    # Beside each peer over all rounds, then the best: the best of every single round would be picked by chance.
    verified = min(_ratio([run.verified_seconds for run in runs], ours) for runs in peers)
    bare = min(_ratio([run.seconds for run in runs], ours) for runs in peers)
    print(f"loader, verifying, beside the best peer verified: {verified:.2f}")
    print(f"loader, verifying, beside the best peer that verifies nothing: {bare:.2f}")


def _ratio(seconds: list[float], ours: list[Run]) -> float:
    """Median of a peer's time over the loader's in the same round."""
    return statistics.median(other / own.verified_seconds for other, own in zip(seconds, ours, strict=True))


def _loader(site: Site, scheme: str, target: Path) -> Run:
    command = [sys.executable, "-m", "images.weights", "fetch", "--bucket", BUCKET, "--model", MODEL]
    command += ["--revision", REVISION, "--manifest-sha256", site.manifest_sha256, "--target", str(target)]
    seconds, cpu, peak = _timed(command, site.environment(scheme))
    return Run(seconds=seconds, verify_seconds=0.0, cpu_seconds=cpu, peak_mib=peak)


def _peer(site: Site, scheme: str, name: str, target: Path) -> Run:
    seconds, cpu, peak = _timed(peers(site, scheme, target)[name], site.environment(scheme))
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        found = dict(pool.map(_digest, sorted(target.iterdir())))
    after = resource.getrusage(resource.RUSAGE_SELF)
    if found != site.digests:
        raise SystemExit(f"{name}: {json.dumps(sorted(found))} are not what is served")
    return Run(
        seconds=seconds,
        verify_seconds=time.perf_counter() - started,
        cpu_seconds=cpu + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_mib=peak,
    )


def _digest(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        return path.name, hashlib.file_digest(file, "sha256").hexdigest()


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds, peak MiB; the memory of a shell's children is that of the largest one."""
    program = shutil.which(command[0]) or command[0]
    started = time.perf_counter()
    with subprocess.Popen([program, *command[1:]], env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
