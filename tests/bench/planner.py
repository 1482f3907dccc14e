"""How long the planner takes for a sweep of many models over a region's machine types.

`python -m tests.bench.planner [--rounds N]`: models are those of recorded boots. It says seconds and never fails: a
time depends on the machine.
"""

import argparse
import statistics
import time
from typing import Final

from components.catalog import instances
from components.model.memory import Checkpoint
from operations.size_model import Wish
from operations.size_subject import Subject
from operations.size_sweep import sweep
from tests.model.records import GIB, RECORDS, architecture

REGION: Final = "eu-north-1"
MODELS: Final = 12


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    subjects = different()
    offered = [name for name in instances.all_types() if instances.offered_zones(name, REGION)]
    machines = [name for name in offered if instances.find(name).gpu]
    seconds = []
    for _ in range(options.rounds + 1):
        began = time.perf_counter()
        rows = sum(len(sweep(subject, Wish(max_model_len=8192), REGION)) for subject in subjects)
        seconds.append(time.perf_counter() - began)
    warm = statistics.median(seconds[1:])
    print(f"{len(subjects)} models x {len(machines)} machine types of {REGION}: {rows} plans in {warm:.2f} s")
    print(f"  for 20 machine types: {warm * 20 / len(machines):.2f} s (target 2 s)")


def different() -> list[Subject]:
    """The first boot of each model, as far as its numbers are known."""
    found: dict[str, Subject] = {}
    for record in RECORDS:
        loaded = record["model_loading_gib"]
        if not loaded or not record["arch"] or record["model"] in found:
            continue
        try:
            numbers = architecture(record)
        except (KeyError, TypeError, ValueError):
            continue
        found[record["model"]] = Subject(
            checkpoint=Checkpoint(
                name=record["model"],
                architecture=numbers,
                weights_bytes=int(loaded * GIB * (record["tp"] or 1)),
                padded=False,
                dtype="bfloat16",
            ),
            quantised=False,
        )
    return list(found.values())[:MODELS]


if __name__ == "__main__":
    main()
