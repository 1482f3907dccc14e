"""From one mapping to checked settings, every problem at once."""

import difflib
import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from components.settings.checks import problems_of
from components.settings.errors import SettingsError, problem_line
from components.settings.layer import LAYERS, Settings

ROOT: Final = Path(__file__).resolve().parents[2]
CONFIG_KEY: Final = "cloister:settings"
ADAPTER: Final = TypeAdapter[Settings](Annotated[Settings, Field(discriminator="layer")])


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, as Pulumi does; PyYAML would take the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for (key, _), name in zip(node.value, keys, strict=True):
            if keys.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {name!r} stands twice", key.start_mark)
        return super().construct_mapping(node, deep)


def stack_file(stack: str, root: Path = ROOT) -> Path:
    """Where the settings of a stack lie."""
    return root / "stacks" / f"Pulumi.{stack}.yaml"


def stack_names(root: Path = ROOT) -> list[str]:
    """Every stack that has a file."""
    return sorted(file.name.split(".")[1] for file in (root / "stacks").glob("Pulumi.*.yaml"))


def load_stack(stack: str, root: Path = ROOT) -> Settings:
    """Settings of a stack, read from its file.

    Raises:
        SettingsError: the file is missing, is not YAML, or holds problems.
    """
    path = stack_file(stack, root)
    source = str(path.relative_to(root))
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except FileNotFoundError:
        known = ", ".join(stack_names(root)) or "none yet"
        raise SettingsError(source, [f"no such stack file; the stacks are {known}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError(source, [f"not YAML: {' '.join(str(error).split())}"]) from None
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict) or CONFIG_KEY not in config:
        raise SettingsError(source, [f"config: no key {CONFIG_KEY!r}; it holds the one mapping of settings"])
    return load_settings(config[CONFIG_KEY], source, root)


def load_settings(mapping: object, source: str, root: Path = ROOT) -> Settings:
    """Settings from a mapping as it stands under `cloister:settings`.

    Args:
        mapping: plain data as YAML or JSON give it.
        source: what messages name, usually the stack file's path.
        root: the repository, below which `models/` and `stacks/` lie.

    Raises:
        SettingsError: with every problem, in the form `settings.<path>: <wrong value>; <what is accepted>`.
    """
    if not isinstance(mapping, Mapping):
        raise SettingsError(source, [f"settings: {mapping!r} is not a mapping; see stacks/settings.schema.json"])
    layer = mapping.get("layer")
    if layer not in LAYERS:
        raise SettingsError(source, [f"settings.layer: {layer!r}; use one of {', '.join(LAYERS)}"])
    try:
        settings = ADAPTER.validate_json(json.dumps(mapping, default=str))
    except ValidationError as error:
        raise SettingsError(source, [_problem(layer, item) for item in error.errors()]) from None
    platform = None
    if not isinstance(platform_name := getattr(settings, "platform", None), type(None)):
        platform = load_stack(platform_name, root)
    if problems := problems_of(settings, platform, root):
        raise SettingsError(source, problems)
    return settings


def _problem(layer: str, error: Any) -> str:
    """One pydantic error as a line for people."""
    steps = [step for step in error["loc"] if step not in (layer, "[key]")]
    path = ".".join(["settings", *map(str, steps)])
    way_out = ""
    if error["type"] == "extra_forbidden":
        known = _fields(layer, steps[:-1])
        near = difflib.get_close_matches(str(steps[-1]), known, n=1)
        way_out = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return problem_line(path, error, way_out)


def _fields(layer: str, steps: list[Any]) -> list[str]:
    """Names that are known at a place, found by walking the generated JSON Schema."""
    schema = LAYERS[layer].model_json_schema()
    node: Any = schema
    for step in steps:
        node = _resolve(schema, node)
        properties = node.get("properties", {})
        node = properties[step] if step in properties else next(iter(node.get("patternProperties", {}).values()), None)
        node = node or _resolve(schema, node or {}).get("additionalProperties", {})
    return sorted(_resolve(schema, node).get("properties", {}))


def _resolve(schema: Any, node: Any) -> Any:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node
