"""Code that checkpoints name for themselves: always said, and refused where nothing else knows the model."""

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.catalog.built_in_models import built_in
from components.model.remote_code import code_named, code_needed
from sandbox.places import rehearsal_folder

NEMOTRON: dict[str, Any] = {
    "model_type": "nemotron_h",
    "architectures": ["NemotronHForCausalLM"],
    "auto_map": {
        "AutoConfig": "configuration_nemotron_h.NemotronHConfig",
        "AutoModelForCausalLM": "modeling_nemotron_h.NemotronHForCausalLM",
    },
}
KIMI_TOKENIZER: dict[str, Any] = {
    "tokenizer_class": "TikTokenTokenizer",
    "auto_map": {"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]},
}


def test_every_place_that_names_code_is_told() -> None:
    documents = {
        "tokenizer_config.json": KIMI_TOKENIZER,
        "config.json": {"text_config": NEMOTRON},
        "preprocessor_config.json": {"auto_map": {"AutoProcessor": "processing_x.XProcessor"}},
        "generation_config.json": {},
    }
    assert code_named(documents) == (
        "config.json: AutoConfig configuration_nemotron_h.NemotronHConfig",
        "config.json: AutoModelForCausalLM modeling_nemotron_h.NemotronHForCausalLM",
        "preprocessor_config.json: AutoProcessor processing_x.XProcessor",
        "tokenizer_config.json: AutoTokenizer tokenization_kimi.TikTokenTokenizer",
    )
    assert code_named({"tokenizer_config.json": {"auto_map": ["tokenization_x.XTokenizer", None]}}) == (
        "tokenizer_config.json: AutoTokenizer tokenization_x.XTokenizer",
    )
    assert code_named({"config.json": {"auto_map": None}}) == ()


def test_a_model_whose_classes_are_built_in_needs_no_code() -> None:
    assert code_needed({"config.json": NEMOTRON}) == ""
    assert code_needed({"config.json": {"model_type": "unheard-of"}}) == ""
    known = {"tokenizer_class": "LlamaTokenizerFast", "auto_map": {"AutoTokenizer": "tokenization_x.X"}}
    assert code_needed({"config.json": {"model_type": "unheard-of"}, "tokenizer_config.json": known}) == ""
    fast = {"tokenizer_class": "X", "auto_map": {"AutoTokenizer": "tokenization_x.X"}}
    assert code_needed({"config.json": {"model_type": "qwen2"}, "tokenizer_config.json": fast}) == ""


@pytest.mark.parametrize(
    ("documents", "reason"),
    [
        ({"config.json": NEMOTRON | {"model_type": "my_own"}}, "model_type 'my_own' is known to its own code only"),
        ({"config.json": NEMOTRON | {"architectures": ["MyOwn"]}}, "architecture 'MyOwn' is known to its own code"),
        ({"config.json": NEMOTRON | {"architectures": None}}, "architecture '' is known to its own code"),
        (
            {"config.json": {"model_type": "kimi_k2"}, "tokenizer_config.json": KIMI_TOKENIZER},
            "tokenizer 'TikTokenTokenizer' is known to its own code",
        ),
    ],
)
def test_a_model_that_only_its_own_code_knows_is_told_why(documents: dict[str, Any], reason: str) -> None:
    assert code_needed(documents).startswith(reason)


def registries(packages: Path) -> Iterator[tuple[str, str]]:
    """Kind and name of what the installed vLLM lists, read and not run."""
    registry = ast.parse((packages / "vllm" / "model_executor" / "models" / "registry.py").read_text())
    for node in registry.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in ("_TEXT_GENERATION_MODELS", "_MULTIMODAL_MODELS"):
            assert isinstance(node, ast.Assign)
            assert isinstance(node.value, ast.Dict)
            yield from (("architecture", key.value) for key in node.value.keys if isinstance(key, ast.Constant))  # type: ignore[misc]
    mappings = ast.parse((packages / "transformers" / "models" / "auto" / "auto_mappings.py").read_text())
    for node in mappings.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONFIG_MAPPING_NAMES":
            assert isinstance(node.value, ast.Call)
            yield from (("model_type", name) for name, _ in ast.literal_eval(node.value.args[0]))


@pytest.mark.servers
def test_the_catalogue_has_what_the_installed_engine_has() -> None:
    python = rehearsal_folder() / "vllm" / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    names = list(registries(Path(found.stdout.strip())))
    assert len(names) > 500
    assert [name for kind, name in names if not built_in(kind, name)] == []  # type: ignore[arg-type]
