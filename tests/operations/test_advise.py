"""`cloister advise`: what a load costs by each way, in tables, JSON and pictures."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.catalog.instances import find
from components.model.cold_start import cold_start
from components.model.lock import load_lock
from components.settings.checks import lock_path
from components.settings.load import ROOT
from operations.errors import CommandError
from operations.main import app

MACHINE = ("--instance", "g6e.xlarge", "--region", "eu-central-1")
LOAD = ("--requests-per-hour", "2", "--tokens-per-second", "900")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["advise", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit | CommandError), done.exception
    return done.exit_code, done.output + (str(done.exception) if isinstance(done.exception, CommandError) else "")


def test_the_cheapest_way_comes_first_and_crossings_are_told() -> None:
    code, told = run(*MACHINE, *LOAD, "--json")
    assert code == 0, told
    found = json.loads(told)
    costs = [way["usd_per_month"] for way in found["ways"]]
    assert costs == sorted(costs)
    assert {way["name"] for way in found["ways"]} == {"always on", "woken", "managed", "managed, woken"}
    assert found["ways"][-1] == pytest.approx(
        {
            "name": "always on",
            "replicas": 1,
            "awake": 1.0,
            "usd_per_month": 2.327 * 730,
            "usd_per_million_tokens": 2.327 * 730 / (2 * 300 * 730 / 1e6),
            "waiting_per_day": 0.0,
        }
    )
    (crossing,) = found["crossings"]
    assert (crossing["cheaper_above"], crossing["cheaper_below"]) == ("managed", "woken")


def test_a_stack_brings_its_machine_and_what_stands_anyway() -> None:
    code, told = run("--stack", "serving-dev", "--model", "assistant", *LOAD, "--json")
    assert code == 0, told
    ways = {way["name"]: way["usd_per_month"] for way in json.loads(told)["ways"]}
    assert ways["always on"] > 2.8035 * 730
    assert ways["woken"] > 400, "the control plane and the endpoints do not sleep"


def notes(*words: str) -> list[str]:
    """What `cloister advise` says about the start of a replica."""
    code, told = run(*words, "--json")
    assert code == 0, told
    return [note for note in json.loads(told)["notes"] if "a start" in note]


def waiting(*words: str) -> float:
    """Requests a day that wait for a start."""
    found = {way["name"]: way for way in json.loads(run(*words, "--json")[1])["ways"]}
    wait: float = found["woken"]["waiting_per_day"]
    return wait


def test_a_start_lasts_as_long_as_the_estimate_of_the_model_on_its_machine() -> None:
    stack = ("--stack", "serving-dev", "--model", "assistant", *LOAD)
    start = cold_start(load_lock(lock_path("qwen3-8b", ROOT)).weights_bytes, find("g6e.2xlarge"), node_waits=False)
    (note,) = notes(*stack)
    assert note.startswith(f"a start of assistant takes {start.low:.0f} to {start.high:.0f} s")
    assert waiting(*stack) == pytest.approx(waiting(*stack, "--start-seconds", str(start.high)))
    assert waiting(*stack) > waiting(*stack, "--start-seconds", "120")


def test_without_a_model_a_start_is_assumed_and_that_is_said() -> None:
    (note,) = notes(*MACHINE, *LOAD)
    assert note.startswith("a start is taken to last 420 s; --stack and --model estimate it")
    assert waiting(*MACHINE, *LOAD) == waiting(*MACHINE, *LOAD, "--start-seconds", "420")


@pytest.mark.parametrize("place", [MACHINE, ("--stack", "serving-dev")])
def test_a_start_that_was_measured_needs_no_note(place: tuple[str, ...]) -> None:
    assert notes(*place, *LOAD, "--start-seconds", "200") == []


def test_prices_are_told_with_their_age() -> None:
    told = json.loads(run(*MACHINE, *LOAD, "--json")[1])["notes"]
    assert told[0].endswith("in 2026-01")
    assert told[1] == "Hugging Face asks 1.8 USD an hour for 1 x L40S, in eu-west-1 (2025)"


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_is_written_and_is_the_same_every_time(suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        assert run(*MACHINE, *LOAD, "--plot", str(path))[0] == 0
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    if suffix == "svg":
        assert ElementTree.fromstring(first).tag.endswith("svg")
    else:
        assert first.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (LOAD, "name a serving stack with --stack and --model, or a machine type with --instance and --region"),
        ((*LOAD, "--instance", "g6e.xlrge", "--region", "eu-central-1"), "did you mean g6e.xlarge?"),
        (
            (*LOAD, "--instance", "g6e.xlarge", "--region", "eu-west-1"),
            "not offered in eu-west-1; offered in eu-central-1 (euc1-az",
        ),
        ((*LOAD, *MACHINE, "--gpus", "2"), "--gpus: '2' but g6e.xlarge has 1"),
        ((*LOAD, "--instance", "g7e.2xlarge", "--region", "eu-central-1"), "no price of 'g7e.2xlarge' in eu-central-1"),
        ((*LOAD, "--stack", "platform-dev"), "is of layer platform; name a serving stack"),
        ((*LOAD, "--stack", "serving-dev", "--model", "other"), "--model: 'other'; serving-dev has"),
        ((*LOAD, *MACHINE, "--plot", "x.pdf"), "ends in '.pdf'; name a .png or .svg file"),
        ((*LOAD, *MACHINE, "--plot", "/proc/nowhere/x.png"), "--plot '/proc/nowhere/x.png': No such file or directory"),
    ],
)
def test_wrong_input_is_one_clear_error(words: tuple[str, ...], problem: str) -> None:
    code, told = run(*words)
    assert code == 1
    assert problem in told
