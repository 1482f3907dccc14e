"""What a checkpoint's small files say, and the lock that follows from them."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import ValidationError

from components.model.hub_config import architecture_of, language_part, quantisation_of
from components.model.lock import LockedFile, ModelLock
from components.model.remote_code import CONFIG, code_named, code_needed
from operations.errors import CommandError
from operations.hub import INDEX

TORCH_TYPES: Final[Mapping[str, Literal["bfloat16", "float16", "float32"]]] = {
    "bfloat16": "bfloat16",
    "float16": "float16",
    "float32": "float32",
}


def document(place: str, path: str, content: bytes) -> dict[str, Any]:
    """A JSON file of a checkpoint; what is no object is empty, unless it is config.json.

    Raises:
        CommandError: config.json is not JSON or no object.
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        if path == CONFIG:
            raise CommandError(f"{place}: config.json is not JSON ({error}); lock another revision") from None
        return {}
    if isinstance(found, dict):
        return found
    if path == CONFIG:
        raise CommandError(f"{place}: config.json is no object; lock another revision")
    return {}


def shards_named(place: str, content: bytes) -> frozenset[str]:
    """The shards that an index names.

    Raises:
        CommandError: it names none.
    """
    try:
        return frozenset(json.loads(content)["weight_map"].values())
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CommandError(f"{place}: {INDEX} has no 'weight_map'; lock another revision") from None


def has_chat_template(path: str, content: bytes) -> bool:
    """Whether a file of a checkpoint holds its chat template."""
    return path == "chat_template.jinja" or (path == "tokenizer_config.json" and b'"chat_template"' in content)


def lock_of_checkpoint(
    documents: Mapping[str, dict[str, Any]], files: tuple[LockedFile, ...], **fields: Any
) -> ModelLock:
    """The lock of files whose configuration is known.

    Args:
        documents: path -> content of the JSON files, with config.json.
        files: all files.
        fields: of the lock, as they are.

    Raises:
        CommandError: the configuration says something unknown, or an engine could run the model with its own code only.
    """
    place, config = fields["repository"], documents[CONFIG]
    kind: Literal["safetensors", "gguf"] = "gguf" if any(f.path.endswith(".gguf") for f in files) else "safetensors"
    weights = [file for file in files if file.path.endswith(f".{kind}")]
    if not weights:
        raise CommandError(f"{place}: no weights; a checkpoint has .safetensors or .gguf files")
    text = {**config, **language_part(config)}
    try:
        # What reads a GGUF file runs no Python at all.
        reason = code_needed(documents) if kind == "safetensors" else ""
        if reason:
            raise CommandError(
                f"{place}: {reason}; no code of a model is run, so use a model whose classes are built in"
            )
        return ModelLock(
            format=kind,
            files=files,
            weights_bytes=sum(file.size_bytes or 0 for file in weights),
            architecture=architecture_of(config),
            quantisation=quantisation_of(config),
            dtype=TORCH_TYPES.get(str(text.get("torch_dtype") or text.get("dtype")), "bfloat16"),
            code_left_out=code_named(documents),
            **fields,
        )
    except ValidationError as error:
        raise CommandError(f"{place}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    except ValueError as error:
        raise CommandError(f"{place}: {error}") from None
    except (AttributeError, KeyError, StopIteration, TypeError) as error:
        raise CommandError(f"{place}: config.json has another form than is known ({error!r})") from None
