"""How long the policy pack takes beside an empty one, and what it catches beside checkov.

`python -m tests.bench.policies [--rounds N] [--without-checkov]`: rounds are interleaved, so that a slow minute of the
machine hits every row alike. It says ratios and never fails: a time depends on the machine.

checkov judges Kubernetes objects by general good practice. It does not claim to know an estate, a gateway or an
engine's flags, so the table tells how many of our bad twins it tells apart from their good ones, not how good it is.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import yaml
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from components.settings.load import ROOT
from operations.planned import UNKNOWN, plan_stack
from tests.policies.support import bad, findings, good, spoiled, spoiled_twin, wire

STACKS: Final = ("platform-rehearsal", "serving-rehearsal")
CHECKOV: Final = "3.3.30"
EMPTY: Final = """from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy
PolicyPack("empty", [ResourceValidationPolicy("nothing", "Says nothing.", lambda args, report: None)],
           enforcement_level=EnforcementLevel.MANDATORY)
"""
SECONDS: Final = 120.0
Object = tuple[str, str, Mapping[str, Any]]
"""Type, name and properties."""


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--without-checkov", action="store_true")
    options = parser.parse_args()
    print(f"Planning {', '.join(STACKS)}", flush=True)
    requests = [request(resource.type, resource.urn, resource.inputs) for name in STACKS for resource in planned(name)]
    with tempfile.TemporaryDirectory(prefix="cloister-bench-") as folder:
        empty = Path(folder) / "empty"
        empty.mkdir()
        (empty / "__main__.py").write_text(EMPTY, encoding="utf-8")
        show_times(measure({"empty": empty, "cloister": ROOT / "policies"}, requests, options.rounds), len(requests))
        if not options.without_checkov:
            compare(Path(folder))


def planned(stack: str) -> Sequence[Any]:
    return [resource for resource in plan_stack(stack, preview=True).resources if resource.custom]


def request(token: str, urn: str, properties: Mapping[str, Any]) -> analyzer_pb2.AnalyzeRequest:
    """What the engine asks of one resource."""
    provider = analyzer_pb2.AnalyzerProviderResource(
        type="pulumi:providers:aws",
        name="aws",
        urn="urn:pulumi:bench::cloister::pulumi:providers:aws::aws",
        properties=json_format.ParseDict(
            {"region": "eu-central-1", "allowedAccountIds": '["111122223333"]'}, struct_pb2.Struct()
        ),
    )
    return analyzer_pb2.AnalyzeRequest(
        type=token,
        name=urn.rpartition("::")[2],
        urn=urn,
        properties=json_format.ParseDict(dict(properties), struct_pb2.Struct()),
        provider=provider if token.startswith("aws:") else None,
    )


@contextmanager
def serving(pack: Path) -> Iterator[tuple[float, Any]]:
    """A running pack, and the seconds until it told its port."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "CLOISTER_", "PYTHON"))
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(pack)],
        cwd=pack,
        env=inherited | {"PULUMI_PROJECT": "cloister", "PULUMI_STACK": "bench", "PULUMI_DRY_RUN": "true"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        boot = time.perf_counter() - began
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = analyzer_pb2_grpc.AnalyzerStub(channel)
            configure = analyzer_pb2.AnalyzerStackConfigureRequest(stack="bench", project="cloister", dry_run=True)
            stub.ConfigureStack(configure, timeout=SECONDS)
            yield boot, stub
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)


def measure(
    packs: Mapping[str, Path], requests: Sequence[analyzer_pb2.AnalyzeRequest], rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Name of the pack -> seconds of each boot, and milliseconds of each resource; the first round warms up."""
    measured: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in packs}
    for number in range(rounds + 1):
        for name, pack in packs.items():
            with serving(pack) as (boot, stub):
                times = list(analyzed(stub, requests))
            if number:
                measured[name][0].append(boot)
                measured[name][1].extend(times)
        print(f"  round {number} of {rounds} done" + ("" if number else " (warm-up)"), flush=True)
    return measured


def analyzed(stub: Any, requests: Sequence[analyzer_pb2.AnalyzeRequest]) -> Iterator[float]:
    for one in requests:
        began = time.perf_counter()
        stub.Analyze(one, timeout=SECONDS)
        yield (time.perf_counter() - began) * 1000


def show_times(measured: Mapping[str, tuple[list[float], list[float]]], resources: int) -> None:
    """Print medians and the ratio to the empty pack."""
    floor = statistics.mean(measured["empty"][1])
    print(
        f"\n{'pack':<10}{'boot s':>8}{'median ms':>11}{'mean ms':>9}{'p95 ms':>8}{'x empty':>9}   {resources} resources"
    )
    for name, (boots, times) in measured.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        mean = statistics.mean(times)
        print(
            f"{name:<10}{statistics.median(boots):>8.2f}{statistics.median(times):>11.2f}{mean:>9.2f}{p95:>8.2f}"
            f"{mean / floor:>9.2f}"
        )


def compare(folder: Path) -> None:
    """Both on the same Kubernetes objects: each bad twin, and the good twin that it was made from."""
    objects: dict[str, tuple[str, Mapping[str, Any]]] = {
        f"good-{token.rpartition(':')[2].lower()}": (token, {}) for token in kinds()
    }
    objects |= {f"bad-{number:03d}": (token, spoil) for number, (token, spoil) in enumerate(bad_twins())}
    manifests = folder / "manifests"
    manifests.mkdir()
    for name, (token, spoil) in objects.items():
        text = yaml.safe_dump(manifest(token, spoil), sort_keys=False)
        (manifests / f"{name}.yaml").write_text(text, encoding="utf-8")
    program = install()
    ours, our_seconds = timed(
        lambda: {name: {f.rule.id for f in findings(spoiled(*one))} for name, one in objects.items()}
    )
    print(f"\nInstalling checkov {CHECKOV} into .cloister/checkov (the first time about 100 MB)", flush=True)
    theirs, their_seconds = timed(lambda: checkov(program, manifests))
    print(
        f"\n{'judge':<10}{'bad twins told apart':>22}{'said of good twins':>20}{'seconds':>9}   {len(objects)} objects"
    )
    for judge, said, seconds in (("cloister", ours, our_seconds), ("checkov", theirs, their_seconds)):
        apart = [
            name
            for name, (token, _) in objects.items()
            if name.startswith("bad-")
            and said.get(name, set()) - said.get(f"good-{token.rpartition(':')[2].lower()}", set())
        ]
        total = sum(name.startswith("bad-") for name in objects)
        alarms = sum(len(found) for name, found in said.items() if name.startswith("good-"))
        print(f"{judge:<10}{f'{len(apart)} of {total}':>22}{alarms:>20}{seconds:>9.1f}")
    print("Seconds: ours judge objects that are read already; checkov reads files and starts a Python process.")


def kinds() -> list[str]:
    return [token for token in sorted(good()) if token.startswith("kubernetes:")]


def bad_twins() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every bad twin of a Kubernetes kind that can be written as a manifest: no value of it is unknown."""
    for _, token, spoil in bad():
        if token.startswith("kubernetes:") and UNKNOWN not in json.dumps(wire(spoiled_twin(token, spoil)[0])):
            yield token, spoil


def manifest(token: str, spoil: Mapping[str, Any]) -> dict[str, Any]:
    """An object as people write it; Pulumi's types know what a manifest has to say."""
    _, group, kind = token.split(":")
    given = wire(spoiled_twin(token, spoil)[0])
    whole: dict[str, Any] = {"apiVersion": group.removeprefix("core/"), "kind": kind} | given
    whole["metadata"] = {"name": "example", "namespace": "inference"} | (whole.get("metadata") or {})
    return whole


def install() -> Path:
    """Checkov's program, in a virtual environment of its own."""
    home = ROOT / ".cloister" / "checkov"
    uv = ROOT / ".venv" / "bin" / "uv"
    if not (home / "bin" / "checkov").exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, home], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", home / "bin" / "python", f"checkov=={CHECKOV}"], check=True
        )
    return home / "bin" / "checkov"


def checkov(program: Path, folder: Path) -> dict[str, set[str]]:
    """Name of a manifest -> checks that failed."""
    words = ["--framework", "kubernetes", "--output", "json", "--quiet", "--compact", "--skip-download"]
    done = subprocess.run(
        [program, "--directory", folder, *words], capture_output=True, text=True, timeout=600, check=False
    )
    report = json.loads(done.stdout)
    found: dict[str, set[str]] = {}
    for check in report["results"]["failed_checks"]:
        found.setdefault(Path(check["file_path"]).stem, set()).add(check["check_id"])
    return found


def timed(work: Callable[[], dict[str, set[str]]]) -> tuple[dict[str, set[str]], float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


if __name__ == "__main__":
    main()
