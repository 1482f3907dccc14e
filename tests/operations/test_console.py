"""Long commands say what they do, how long it usually takes and how long it took."""

import io

import pytest
from rich.console import Console as RichConsole

from operations.console import Console, duration


def printed(console: Console) -> str:
    file = console.rich.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def plain() -> Console:
    return Console(RichConsole(file=io.StringIO(), width=100))


def test_a_step_says_what_it_does_how_long_it_takes_and_took() -> None:
    console = plain()
    with console.step("Building", 200):
        console.line("[half] of it")
    assert printed(console).startswith("Building (usually 3 min 20 s)\n  [half] of it\n  done in 0.")


def test_a_step_that_fails_is_not_called_done() -> None:
    console = plain()
    with pytest.raises(RuntimeError), console.step("Building"):
        raise RuntimeError
    assert "done" not in printed(console)


def test_progress_is_rare_where_the_output_is_no_terminal() -> None:
    console = plain()
    with console.step("Building"):
        for part in range(1000):
            console.progress(f"part {part}")
    assert "part" not in printed(console)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (9.96, "10.0 s"), (12.4, "12 s"), (119, "119 s"), (200, "3 min 20 s")]
)
def test_a_duration_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text
