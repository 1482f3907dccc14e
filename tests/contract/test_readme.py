"""The README says nothing that is not so: its commands exist, its links lead somewhere, its tables match the tree."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from components.settings.load import ROOT
from operations.main import app

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
# Commands of other programs that the README tells people to run; tests/engine runs them on the stand-ins.
PULUMI = ("preview", "up", "stack init")


def shell_lines() -> list[str]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", TEXT, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def commands(group: typer.Typer, prefix: str = "cloister") -> Iterator[tuple[str, set[str]]]:
    """Every command with its options, as Typer knows them."""

    def walk(command: object, name: str) -> Iterator[tuple[str, set[str]]]:
        children = getattr(command, "commands", None)
        if children is None:
            options = {option for parameter in getattr(command, "params", []) for option in parameter.opts}
            yield name, options
            return
        for child, inner in children.items():
            yield from walk(inner, f"{name} {child}")

    yield from walk(typer.main.get_command(group), prefix)


KNOWN = dict(commands(app))


def test_the_readme_holds_commands() -> None:
    assert len(shell_lines()) >= 8


@pytest.mark.parametrize("line", [line for line in shell_lines() if line.startswith("make ")])
def test_a_make_target_that_the_readme_names_exists(line: str) -> None:
    assert line.split()[1] in make_targets()


@pytest.mark.parametrize("line", [line for line in shell_lines() if line.startswith("cloister ")])
def test_a_cloister_command_that_the_readme_names_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.replace("<", "").replace(">", ""))
    name = next(
        (name for name in sorted(KNOWN, key=len, reverse=True) if words[: len(name.split())] == name.split()), None
    )
    assert name is not None, f"no such command: {line}"
    assert {word for word in words if word.startswith("--")} <= KNOWN[name]


def test_every_shell_line_is_of_a_kind_that_some_test_runs() -> None:
    for line in shell_lines():
        pulumi = any(line.startswith(f"pulumi {verb}") for verb in PULUMI)
        assert pulumi or line.startswith(("make ", "cloister ", "export PULUMI_BACKEND_URL=")), line


def test_every_command_stands_in_the_readme() -> None:
    table = TEXT[TEXT.index("## The command") : TEXT.index("## Where things are")]
    for name in KNOWN:
        for word in name.split()[1:]:
            assert word in table, f"{name} is not in the README's table"


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"@[A-Z_]+@", TEXT)


@pytest.mark.parametrize("folder", re.findall(r"^\| `([a-z]+)/` \|", TEXT, flags=re.MULTILINE))
def test_a_folder_of_the_table_exists(folder: str) -> None:
    assert (ROOT / folder).is_dir()


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_workflows_pin_actions_by_commit_and_hold_no_long_lived_key(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    for used in re.findall(r"uses: (\S+)", text):
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
    assert "secrets." not in text
    if workflow.parent.name == "workflows":
        assert "permissions:" in text
