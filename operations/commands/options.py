"""Options that several verbs share, and how results are printed."""

import json
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

import typer

Stack = Annotated[str, typer.Option("--stack", help="Name of the stack, as in stacks/Pulumi.<stack>.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]


def print_json(value: Any) -> None:
    """Plain data or dataclasses as JSON on standard output."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
