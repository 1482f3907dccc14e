"""Which model is sized: that of a lock file, or of a `config.json` beside the size of its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from components.model.hub_config import architecture_of, language_part
from components.model.lock import load_lock
from components.model.memory import Checkpoint, checkpoint
from operations.errors import CommandError

GIB: Final = 2**30
# Numbers that only the estimate of free memory needs, for configurations that leave them out; said in the reasons.
ASSUMED: Final = {"vocab_size": 131072, "max_position_embeddings": 2**20}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model to size, and what had to be assumed about it."""

    checkpoint: Checkpoint
    quantised: bool
    assumed: tuple[str, ...] = ()


def subject_of_lock(path: Path) -> Subject:
    """The model of a lock file.

    Raises:
        SettingsError: the file is missing or holds problems.
    """
    lock = load_lock(path)
    return Subject(checkpoint=checkpoint(lock), quantised=lock.quantisation.bits <= 8)


def subject_of_config(path: Path, weights_gib: float) -> Subject:
    """The model of a `config.json` and the size of its weights.

    Raises:
        CommandError: the file cannot be read, is not JSON, or lacks numbers.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architecture = architecture_of(with_assumptions(config))
    except OSError as error:
        raise CommandError(f"--config: {str(path)!r} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"--config: {str(path)!r}: {error}; give the model's own config.json") from None
    text = language_part(config)
    stored = config.get("quantization_config") or text.get("quantization_config") or {}
    return Subject(
        checkpoint=Checkpoint(
            name=path.name,
            architecture=architecture,
            weights_bytes=int(weights_gib * GIB),
            padded=stored.get("quant_method") == "mxfp4",
            dtype=str(text.get("torch_dtype") or text.get("dtype") or "bfloat16"),
        ),
        quantised=bool(stored),
        assumed=tuple(f"{name} is not in {path.name}; {ASSUMED[name]} is assumed" for name in _missing(config)),
    )


def with_assumptions(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with what only estimates need filled in."""
    text = dict(language_part(config))
    text |= {name: ASSUMED[name] for name in _missing(config)}
    heads = text.get("num_attention_heads") or text.get("num_key_value_heads")
    if heads and not text.get("num_attention_heads"):
        text["num_attention_heads"] = heads
    if heads and text.get("head_dim") and not text.get("hidden_size"):
        text["hidden_size"] = heads * text["head_dim"]
    return {**text, **{key: value for key, value in config.items() if key.startswith(("vision_", "audio_"))}}


def _missing(config: Mapping[str, Any]) -> list[str]:
    text = language_part(config)
    return [name for name in ASSUMED if not text.get(name)]
