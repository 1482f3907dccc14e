"""The JSON Schema that editors use is the one that the code has."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from components.settings.load import ROOT
from components.settings.schema import render, schema_path

STACK_FILES = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))


def test_the_schema_file_is_current() -> None:
    assert schema_path().read_text(encoding="utf-8") == render(), "run `make schema`"


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_every_stack_file_names_the_schema_and_obeys_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=settings.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(schema_path().read_text(encoding="utf-8")))
