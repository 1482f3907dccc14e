"""Options that several verbs share, and how results are printed."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

Stack = Annotated[str, typer.Option("--stack", help="Name of the stack, as in stacks/Pulumi.<stack>.yaml.")]
LockName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the lock file: models/<name>.lock.yaml.")]
Folder = Annotated[
    Path | None,
    typer.Option("--from-folder", exists=True, file_okay=False, help="Take the files from here, not from the Hub."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]


def print_json(value: Any) -> None:
    """Plain data or dataclasses as JSON on standard output."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
