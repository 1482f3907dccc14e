"""Checkpoints that are not as they should be: one clear error each, and never a wrong digest."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.model.lock import dump, load_lock
from components.settings.load import ROOT
from operations import model_lock
from operations.errors import CommandError
from operations.hub import HubFile, HubRevision
from operations.model_lock import complete, lock_from_folder, lock_of
from tests.operations.fake_hub import CONFIG

REVISION = HubRevision(
    repository="a/b",
    revision="b" * 40,
    files=(
        HubFile(path="config.json", size_bytes=10, sha256=None),
        HubFile(path="model.safetensors", size_bytes=10, sha256="a" * 64),
    ),
    gated=False,
    card={"license": "mit"},
)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Sets what the Hub gives as config.json."""

    def give(document: Any) -> None:
        content = json.dumps(document).encode()
        monkeypatch.setattr(model_lock, "small_file", lambda *_: (content, "c" * 64))

    return give


def test_weights_without_a_digest_on_the_hub_are_refused_not_read(config: Callable[[Any], None]) -> None:
    config(CONFIG)
    found = dataclasses.replace(
        REVISION, files=(*REVISION.files[:1], HubFile(path="model.safetensors", size_bytes=10, sha256=None))
    )
    with pytest.raises(CommandError, match=r"the Hub has no sha256 of model\.safetensors"):
        lock_of(found, "small")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"quantization_config": {"quant_method": "compressed-tensors"}}, "config.json has another form"),
        ({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {}}}, "another form"),
        ({"quantization_config": {"bits": 4}}, "config.json has another form"),
        ({"quantization_config": {"quant_method": "new"}}, "quant_method 'new' is not known"),
    ],
)
def test_a_config_of_another_form_is_one_clear_error(
    config: Callable[[Any], None], changes: dict[str, Any], problem: str
) -> None:
    config(CONFIG | changes)
    with pytest.raises(CommandError, match=problem):
        lock_of(REVISION, "small")


def test_the_language_parts_dtype_counts(config: Callable[[Any], None]) -> None:
    config({"model_type": "x", "vision_config": {}, "text_config": CONFIG | {"torch_dtype": "float16"}})
    assert lock_of(REVISION, "small").dtype == "float16"


def folder_of(path: Path, **files: bytes) -> Path:
    (path / "original").mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG))
    for name, content in {"a.safetensors": b"a", "consolidated.safetensors": b"c", **files}.items():
        (path / name).write_bytes(content)
    (path / "original" / "model.safetensors").write_bytes(b"o")
    return path


def locked(path: Path) -> list[str]:
    lock = lock_from_folder(path, "small", repository="a/b", licence="mit", note="made by a test")
    return [file.path for file in lock.files if file.path.endswith(".safetensors")]


def test_a_folder_with_an_index_gives_its_shards_only(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"x": "a.safetensors"}}).encode()
    assert locked(folder_of(tmp_path, **{"model.safetensors.index.json": index})) == ["a.safetensors"]


def test_a_folder_that_lacks_a_shard_or_has_a_cut_config_is_refused(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"x": "b.safetensors"}}).encode()
    folder = folder_of(tmp_path, **{"model.safetensors.index.json": index})
    with pytest.raises(CommandError, match=r"names 'b\.safetensors', which is not there"):
        locked(folder)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "config.json").write_text("{")
    with pytest.raises(CommandError, match=r"config\.json is not JSON"):
        locked(folder)


INCOMPLETE = [path for path in sorted((ROOT / "models").glob("*.lock.yaml")) if not load_lock(path).complete]


@pytest.mark.parametrize("path", INCOMPLETE, ids=lambda path: path.name)
def test_completing_fills_in_what_a_lock_left_out_and_refuses_what_it_contradicts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = load_lock(path)
    richer = lock.architecture.model_copy(update={"intermediate_size": lock.architecture.intermediate_size or 12345})
    files = load_lock(ROOT / "models" / "smollm2-135m-instruct.lock.yaml").files
    on_the_hub = lock.model_copy(
        update={"complete": True, "files": files, "revision": "d" * 40, "architecture": richer, "weights_bytes": 1}
    )
    monkeypatch.setattr(model_lock, "lock_from_hub", lambda *_, **__: on_the_hub)
    done = complete(lock, client=None)  # type: ignore[arg-type]
    assert (done.complete, done.architecture.intermediate_size) == (True, richer.intermediate_size)
    assert (done.licence, done.card) == (lock.licence, lock.card)
    other = richer.model_copy(update={"kv_heads": richer.kv_heads + 1})
    monkeypatch.setattr(
        model_lock, "lock_from_hub", lambda *_, **__: on_the_hub.model_copy(update={"architecture": other})
    )
    with pytest.raises(CommandError, match=rf"architecture\.kv_heads is {richer.kv_heads} here and"):
        complete(lock, client=None)  # type: ignore[arg-type]


def test_code_that_a_checkpoint_names_is_said_in_its_lock_and_refused_where_it_is_needed(
    config: Callable[[Any], None], tmp_path: Path
) -> None:
    named = {"AutoModelForCausalLM": "modeling_x.XForCausalLM"}
    config(CONFIG | {"auto_map": named, "architectures": ["LlamaForCausalLM"]})
    lock = lock_of(REVISION, "small")
    assert lock.code_left_out == ("config.json: AutoModelForCausalLM modeling_x.XForCausalLM",)
    assert "code_left_out" in dump(lock)
    config(CONFIG | {"auto_map": named, "architectures": ["XForCausalLM"]})
    with pytest.raises(CommandError, match="architecture 'XForCausalLM' is known to its own code only, not to vLLM"):
        lock_of(REVISION, "small")
    folder = folder_of(tmp_path)
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "X", "auto_map": {"AutoTokenizer": ["x.X", null]}}'
    )
    named_type = {"model_type": "unheard-of", "architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(CONFIG | named_type))
    with pytest.raises(CommandError, match="tokenizer 'X' is known to its own code only"):
        locked(folder)


def test_a_gguf_file_needs_no_code_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"auto_map": {"AutoConfig": "x.X"}, "model_type": "own"}))
    (tmp_path / "model.gguf").write_bytes(b"g")
    lock = lock_from_folder(tmp_path, "small", repository="a/b", licence="mit", note="made by a test")
    assert lock.code_left_out == ("config.json: AutoConfig x.X",)
