"""Python code that a checkpoint names for itself (`auto_map`): it is left out, so a model that needs it cannot run."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.catalog.built_in_models import READ_FROM, built_in

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer_config.json"


def code_named(documents: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """What the JSON files of a checkpoint name as its own code, as `config.json: AutoModel modeling_x.XModel`.

    Args:
        documents: path -> its content.

    Source: transformers, "Customizing models", `auto_map`.
    """
    return tuple(
        f"{path}: {role} {name}" for path in sorted(documents) for role, name in _named(documents[path]) if name
    )


def code_needed(documents: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a checkpoint cannot run without its own code; nothing where the engine has all that it names.

    Args:
        documents: path -> its content.
    """
    config, tokenizer = documents.get(CONFIG, {}), documents.get(TOKENIZER, {})
    family = str(config.get("model_type", ""))
    if any(role.startswith(("AutoConfig", "AutoModel")) for role, _ in _named(config)):
        names = [str(name) for name in config.get("architectures") or ()]
        if not built_in("model_type", family):
            return f"model_type {family!r} is known to its own code only, not to {READ_FROM}"
        if not any(built_in("architecture", name) for name in names):
            return f"architecture {', '.join(names)!r} is known to its own code only, not to {READ_FROM}"
    if any(role == "AutoTokenizer" for role, _ in _named(tokenizer)):
        name = str(tokenizer.get("tokenizer_class", ""))
        if not built_in("tokenizer_of", family) and not built_in("tokenizer", name.removesuffix("Fast")):
            return f"tokenizer {name!r} is known to its own code only, not to {READ_FROM}"
    return ""


def _named(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Role -> class, wherever a document maps them; a list is the older form of a tokenizer's."""
    found = document.get("auto_map")
    if isinstance(found, Mapping):
        for role, name in sorted(found.items()):
            names = [one for one in name if one] if isinstance(name, list) else [name]
            yield str(role), ", ".join(str(one) for one in names)
    elif isinstance(found, list):
        yield "AutoTokenizer", ", ".join(str(one) for one in found if one)
    for inner in document.values():
        if isinstance(inner, Mapping) and inner is not found:
            yield from _named(inner)
