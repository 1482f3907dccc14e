"""What vLLM and transformers bring themselves: a model of these runs without code of its own."""

from functools import lru_cache
from typing import Final, Literal

from components.catalog.instances import read

READ_FROM: Final = "vLLM 0.32.0 with transformers 5.19.0"
Kind = Literal["architecture", "model_type", "tokenizer", "tokenizer_of"]


def built_in(kind: Kind, name: str) -> bool:
    """Whether the engine has a class of that name.

    Args:
        kind: `architecture` (of a config.json's `architectures`), `model_type` (whose configuration it can read),
            `tokenizer` (a class), or `tokenizer_of` (a model type that has one).
        name: as a checkpoint's files write it.

    Source: components/catalog/data/README.md.
    """
    return name in _names()[kind]


@lru_cache
def _names() -> dict[str, frozenset[str]]:
    rows = read("built_in_models.csv")
    kinds = {row["kind"] for row in rows}
    return {kind: frozenset(row["name"] for row in rows if row["kind"] == kind) for kind in kinds}
