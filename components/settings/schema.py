"""The JSON Schema of the stack files: editors complete and check the YAML with it.

`python -m components.settings.schema` writes it anew.
"""

import json
from pathlib import Path
from typing import Any

from components.settings.load import ADAPTER, CONFIG_KEY, ROOT


def schema_path(root: Path = ROOT) -> Path:
    """Where the generated schema lies."""
    return root / "stacks" / "settings.schema.json"


def stack_schema() -> dict[str, Any]:
    """Schema of a whole stack file; Pulumi's own keys are let through."""
    settings = ADAPTER.json_schema(ref_template="#/$defs/{model}")
    definitions = settings.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cloister stack file",
        "type": "object",
        "properties": {"config": {"type": "object", "properties": {CONFIG_KEY: settings}, "required": [CONFIG_KEY]}},
        "required": ["config"],
        "$defs": definitions,
    }


def render() -> str:
    """The schema as the text of its file."""
    return json.dumps(stack_schema(), indent=2) + "\n"


if __name__ == "__main__":
    schema_path().write_text(render(), encoding="utf-8")
