"""How long a preview of the platform takes, beside a program without resources, on the real engine with the policies.

`python -m tests.bench.preview [--rounds N] [--zones 2,3,6]`: rounds are interleaved, so that a slow minute of the
machine hits every row alike. It says ratios and never fails: a time depends on the machine.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import yaml

from components.settings.load import CONFIG_KEY
from tests.engine.clone import Clone, make_clone

POLICIES: Final = "--policy-pack {pack} --non-interactive --color never"
FLOOR: Final = "floor"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--zones", default="2,3,6")
    options = parser.parse_args()
    zones = [int(count) for count in options.zones.split(",")]
    with tempfile.TemporaryDirectory(prefix="cloister-bench-") as folder:
        clone = make_clone(Path(folder) / "cloister")
        print("Bringing up the stand-ins of AWS and Kubernetes (usually 15 s)", flush=True)
        try:
            clone.start()
            measured = measure(clone, zones, options.rounds)
        finally:
            clone.cloister("rehearse", "stop", timeout=120)
    show(measured)


def measure(clone: Clone, zones: list[int], rounds: int) -> dict[str, list[float]]:
    """Name of the preview -> wall seconds of each round; the first round warms up and is not counted."""
    commands = {FLOOR: _floor(clone)} | {f"{count} zones": _platform(clone, count) for count in zones}
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            done = clone.shell(command)
            if done.returncode != 0:
                raise SystemExit(f"{name}: {done.stdout[-3000:]}{done.stderr[-1000:]}")
            if number:
                measured[name].append(time.perf_counter() - started)
        print(f"  round {number} of {rounds} done" + ("" if number else " (warm-up)"), flush=True)
    return measured


def show(measured: dict[str, list[float]]) -> None:
    """Print medians, extremes and the ratio to the floor of the same round."""
    print(f"\n{'preview':<12}{'median s':>10}{'min s':>8}{'max s':>8}{'x floor':>9}")
    for name, seconds in measured.items():
        ratios = [one / floor for one, floor in zip(seconds, measured[FLOOR], strict=True)]
        print(
            f"{name:<12}{statistics.median(seconds):>10.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}"
            f"{statistics.median(ratios):>9.2f}"
        )


def _floor(clone: Clone) -> str:
    """A program without resources, under the same engine, language host and policies."""
    folder = clone.path / "floor"
    folder.mkdir()
    (folder / "__main__.py").write_text("import pulumi\n", encoding="utf-8")
    project = {"name": FLOOR, "runtime": {"name": "python", "options": {"virtualenv": "../.venv"}}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    done = clone.shell(f"cd floor && pulumi stack init {FLOOR}")
    assert done.returncode == 0, done.stderr
    return f"cd floor && pulumi preview --stack {FLOOR} {POLICIES.format(pack='../policies')}"


def _platform(clone: Clone, zones: int) -> str:
    """The platform of platform-dev in some zones; no region of the EU has six, the stand-in has for this."""
    stack = f"platform-{zones}"
    document = yaml.safe_load((clone.path / "stacks" / "Pulumi.platform-dev.yaml").read_text(encoding="utf-8"))
    settings = document["config"][CONFIG_KEY]
    settings["zones"] = [f"{settings['region']}{letter}" for letter in "abcdef"[:zones]]
    (clone.path / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    done = clone.shell(f"pulumi stack init {stack}")
    assert done.returncode == 0, done.stderr
    return f"CLOISTER_SANDBOX_ZONES=6 pulumi preview --stack {stack} {POLICIES.format(pack='policies')}"


if __name__ == "__main__":
    main()
