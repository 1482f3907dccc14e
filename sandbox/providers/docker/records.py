"""What the stand-in remembers between runs of Pulumi: one JSON file for each network and container."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.places import rehearsal_folder


def folder(kind: str) -> Path:
    """The folder of all records of a kind: "containers", "networks", "volumes" or "images"."""
    return rehearsal_folder() / "docker" / kind


def write(kind: str, name: str, content: Mapping[str, Any]) -> None:
    """Keep a record, replacing an older one at once."""
    target = _file(kind, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=1))
    draft.replace(target)


def read(kind: str, name: str) -> dict[str, Any] | None:
    """A record, None when there is none."""
    try:
        content: dict[str, Any] = json.loads(_file(kind, name).read_text())
        return content
    except FileNotFoundError:
        return None


def every(kind: str) -> list[dict[str, Any]]:
    """All records of a kind, by name."""
    names = sorted(file.parent.name for file in folder(kind).glob("*/record.json"))
    return [record for name in names if (record := read(kind, name))]


def _file(kind: str, name: str) -> Path:
    return folder(kind) / name.replace("/", "_").replace(":", "_") / "record.json"
