"""Options that several verbs share, and how results are printed."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from operations.errors import CommandError

Stack = Annotated[str, typer.Option("--stack", help="Name of the stack, as in stacks/Pulumi.<stack>.yaml.")]
LockName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the lock file: models/<name>.lock.yaml.")]
Folder = Annotated[
    Path | None,
    typer.Option("--from-folder", exists=True, file_okay=False, help="Take the files from here, not from the Hub."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]


def named_numbers(option: str, words: Iterable[str], *, least: float = 0, most: float = math.inf) -> dict[str, float]:
    """`NAME=N` words of a repeated option, as a mapping.

    Raises:
        CommandError: a word has another form, a number is below `least` or above `most`, or a name stands twice.
    """
    found: dict[str, float] = {}
    bounds = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
    for word in words:
        name, _, text = word.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not name or not least <= number <= most or number == math.inf:
            raise CommandError(f"{option}: {word!r}; write it like NAME=N, where N is {bounds}")
        if name in found:
            raise CommandError(f"{option}: {name!r} stands twice; name it once")
        found[name] = number
    return found


def print_json(value: Any) -> None:
    """Plain data or dataclasses as JSON on standard output."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
