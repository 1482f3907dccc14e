"""The resources that the stand-in keeps, in one JSON file that survives every process."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One kept resource: what the program declared (inputs) and what AWS added (outputs).

    Args:
        urn: the engine's name of it.
        type: the type token, `aws:ec2/vpc:Vpc`.
        id: the physical identifier.
        region: the region of the provider that made it.
        generation: how many resources of this URN were made before it; part of its seed.
        inputs: checked inputs.
        outputs: every property that the engine knows.
    """

    urn: str
    type: str
    id: str
    region: str
    generation: int
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Kept:
    """The file of kept resources, in the order of their creation.

    Args:
        path: the file; its folder is made on the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Resource]:
        """Every kept resource, oldest first."""
        return [Resource(**entry) for entry in self._read()["resources"]]

    def of_type(self, type_token: str) -> list[Resource]:
        """The kept resources of one type."""
        return [resource for resource in self.all() if resource.type == type_token]

    def find(self, type_token: str, identifier: str) -> Resource | None:
        """The kept resource of that type and identifier."""
        return next((r for r in self.of_type(type_token) if r.id == identifier), None)

    def put(self, resource: Resource) -> None:
        """Keep a new resource, or the new state of a kept one at its old place."""
        with self._change() as content:
            entry = asdict(resource)
            for position, old in enumerate(content["resources"]):
                if (old["urn"], old["id"]) == (resource.urn, resource.id):
                    content["resources"][position] = entry
                    return
            content["resources"].append(entry)

    def drop(self, urn: str, identifier: str) -> None:
        """Forget a resource."""
        with self._change() as content:
            content["resources"] = [r for r in content["resources"] if (r["urn"], r["id"]) != (urn, identifier)]

    def next_generation(self, urn: str) -> int:
        """A number that no earlier resource of this URN had."""
        with self._change() as content:
            number: int = content["generations"].get(urn, -1) + 1
            content["generations"][urn] = number
            return number

    @contextmanager
    def restoring(self, region: str, instance: str) -> Iterator[bool]:
        """Lets one process at a time restore a region; True when moto is not the instance it was last restored to."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with (self._path.parent / "restore.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new = self._read()["instances"].get(region) != instance
            yield new
            if new:
                with self._change() as content:
                    content["instances"][region] = instance

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            content = {"instances": {}, "generations": {}, "resources": []}
        return content

    @contextmanager
    def _change(self) -> Iterator[dict[str, Any]]:
        """Read, change and write the file as one step, also between processes and threads."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with (self._path.parent / "resources.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            content = self._read()
            yield content
            self._write(content)

    def _write(self, content: dict[str, Any]) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
        Path(name).replace(self._path)
