"""Locks, refreshes and the catalogue, with a small double of the Hub's client."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.model.lock import dump, load_lock
from components.settings.load import ROOT
from operations import hub
from operations.commands import model as command
from operations.errors import CommandError
from operations.hub import left_out, look_up
from operations.main import app
from operations.model_card import LONGEST, card_of
from operations.model_list import listed
from operations.model_lock import lock_from_hub
from operations.model_refresh import differences
from tests.operations.fake_hub import CONFIG, FakeHub, opener

CARD = """---
license: apache-2.0
---
# Small

## Intended Use

Chat in [three languages](https://example.com), **not** medicine.

More about it.

## Limitations

It is small.

## Training Data

Public books.

The summary of training content that the EU AI Act asks for is at https://example.com/summary.
"""
HEADER: Mapping[str, Any] = {
    "license": "apache-2.0",
    "language": ["en", "de"],
    "datasets": ["a/books"],
    "model-index": [{"results": [{"dataset": {"name": "MMLU"}, "metrics": [{"type": "acc", "value": 0.5}]}]}],
}
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def files_of(**changes: bytes | None) -> dict[str, bytes]:
    files: dict[str, bytes | None] = {
        "config.json": json.dumps(CONFIG).encode(),
        "README.md": CARD.encode(),
        "tokenizer.json": b"{}",
        "chat_template.jinja": b"first",
        "model.safetensors.index.json": json.dumps({"weight_map": dict(zip("ab", SHARDS, strict=True))}).encode(),
        SHARDS[0]: b"w" * 1000,
        SHARDS[1]: b"w" * 500,
        "consolidated.safetensors": b"w" * 1500,
        "original/consolidated.00.pth": b"p" * 1500,
        "metal/model.bin": b"p" * 1500,
        "pytorch_model.bin": b"p" * 1500,
        "modeling_small.py": b"import os",
        **changes,
    }
    return {path: content for path, content in files.items() if content is not None}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Serves files as the Hub does and gives its client."""

    def start(files: dict[str, bytes], sha: str = "b" * 40) -> Any:
        monkeypatch.setattr(hub, "open_stream", opener(files, sha))
        return FakeHub(files, HEADER, sha)

    return start


def test_only_the_shards_that_the_index_names_are_locked(serve: Callable[..., Any]) -> None:
    client = serve(files_of())
    lock = lock_from_hub("example/small", None, "small", client=client)
    weights = [file.path for file in lock.files if file.path.endswith(".safetensors")]
    assert weights == SHARDS
    assert lock.weights_bytes == 1500
    told = list(left_out(look_up(client, "example/small", None).files, frozenset(file.path for file in lock.files)))
    assert [line.partition(":")[0].partition(",")[0] for line in told] == [
        "pickle files",
        "code",
        "weights that the index does not name",
    ]
    assert "3 files" in told[0]


def test_a_copy_in_a_folder_of_its_own_is_told(serve: Callable[..., Any]) -> None:
    client = serve(files_of(**{"original/model.safetensors": b"w"}))
    (line,) = [
        line for line in left_out(look_up(client, "a/b", None).files, frozenset()) if "folders of their own" in line
    ]
    assert line.endswith("such as original/model.safetensors")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({SHARDS[1]: None}, f"names '{SHARDS[1]}', which the repository lacks"),
        ({"model.safetensors.index.json": b"[]"}, "has no 'weight_map'"),
        ({"model.safetensors.index.json": b"{"}, "has no 'weight_map'"),
        ({"config.json": b"{"}, "config.json is not JSON"),
        ({"config.json": b"[]"}, "config.json is no object"),
        ({"config.json": None}, "has no config.json"),
        ({"config.json": b'{"model_type": "x"}'}, "config.json has no 'num_hidden_layers'"),
    ],
)
def test_a_repository_that_is_not_whole_is_one_clear_error(
    serve: Callable[..., Any], changes: dict[str, bytes | None], problem: str
) -> None:
    with pytest.raises(CommandError, match=problem):
        lock_from_hub("example/small", None, "small", client=serve(files_of(**changes)))


def test_a_repository_of_pickles_only_is_refused(serve: Callable[..., Any]) -> None:
    names = [*SHARDS, "consolidated.safetensors", "model.safetensors.index.json"]
    with pytest.raises(CommandError, match=r"no file matches '\*.safetensors'"):
        lock_from_hub("a/b", None, "small", client=serve(files_of(**dict.fromkeys(names))))


def test_a_card_is_read_for_what_governance_asks(serve: Callable[..., Any]) -> None:
    card = lock_from_hub("example/small", None, "small", client=serve(files_of())).card
    assert card.languages == ("en", "de")
    assert card.intended_use == "Chat in three languages, not medicine."
    assert card.limitations == "It is small."
    assert card.training_data == "a/books"
    assert card.evaluation == "MMLU: acc 0.5"
    assert card.ai_act.startswith("The summary of training content that the EU AI Act asks for")


def test_a_card_without_anything_says_nothing_and_a_long_one_is_cut() -> None:
    assert card_of({}, "") == card_of({}, "# Only a title\n")
    long = card_of({}, f"## Intended use\n\n{'word ' * 500}\n").intended_use
    assert len(long) <= LONGEST + 2
    assert long.endswith("word …")
    assert card_of({"language": "en"}, "").languages == ("en",)
    assert card_of({}, "## Training data\n\nPublic books.\n").training_data == "Public books."


def test_a_newer_revision_is_told_by_what_it_changes(serve: Callable[..., Any]) -> None:
    old = lock_from_hub("a/b", None, "small", client=serve(files_of()))
    changed = files_of(**{"chat_template.jinja": b"second", SHARDS[1]: b"v" * 700, "LICENSE": b"x"})
    new = lock_from_hub("a/b", None, "small", client=serve(changed, "c" * 40))
    found = differences(old, new)
    assert {one.what for one in found if one.weight == "look"} == {
        "weights",
        "file chat_template.jinja",
        f"file {SHARDS[1]}",
    }
    assert {one.what for one in found if one.weight == "note"} == {"revision", "file LICENSE"}
    assert [one.weight for one in found] == sorted((one.weight for one in found), key=lambda word: word != "look")
    assert differences(old, old) == ()


def test_another_licence_or_architecture_is_for_a_person_to_read(serve: Callable[..., Any]) -> None:
    old = lock_from_hub("a/b", None, "small", client=serve(files_of()))
    other = old.model_copy(
        update={
            "licence": old.licence.model_copy(update={"id": "llama3", "terms": "conditions"}),
            "architecture": old.architecture.model_copy(update={"layers": 3}),
            "chat_template": False,
        }
    )
    assert {one.what for one in differences(old, other) if one.weight == "look"} == {
        "licence id",
        "licence terms",
        "architecture: layers",
        "chat template",
    }


def test_refresh_writes_nothing_unless_it_is_told_to(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = lock_from_hub("a/b", None, "small", client=serve(files_of()))
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "small.lock.yaml"
    path.write_text(dump(old), encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    client = serve(files_of(**{"tokenizer.json": b"[]"}), "c" * 40)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: client)
    done = CliRunner().invoke(app, ["model", "refresh", "small"])
    assert done.exit_code == 0, done.output
    assert "cloister model refresh small --write small-next" in done.output
    assert load_lock(path) == old
    done = CliRunner().invoke(app, ["model", "refresh", "small", "--write", "small-next"])
    assert load_lock(tmp_path / "models" / "small-next.lock.yaml").revision == "c" * 40
    assert load_lock(path) == old
    refused = CliRunner().invoke(app, ["model", "refresh", "small", "--write", "small-next"])
    assert "models/small-next.lock.yaml exists" in str(refused.exception)


def test_the_catalogue_names_the_cheapest_machine_that_holds_each_model() -> None:
    locks = [load_lock(path) for path in sorted((ROOT / "models").glob("*.lock.yaml"))]
    rows = {row.name: row for row in listed(locks)}
    assert len(rows) >= 12
    assert all(row.smallest for row in rows.values())
    expected = {
        "qwen3-8b": (1, "g6.xlarge"),
        "qwen2.5-7b-instruct-gptq-int4": (1, "g4dn.xlarge"),
        "granite-4.0-h-small": (4, "g6.12xlarge"),
        "qwen3-next-80b-a3b-instruct": (8, "p4d.24xlarge"),
        "deepseek-r1-0528": (8, "p5en.48xlarge"),
    }
    found = {name: row.smallest for name, row in rows.items() if name in expected}
    assert {name: (it.gpus, it.instance) for name, it in found.items() if it} == expected


def test_models_of_every_kind_are_in_the_catalogue() -> None:
    locks = [load_lock(path) for path in sorted((ROOT / "models").glob("*.lock.yaml"))]
    kinds = [lock.architecture for lock in locks]
    for name in ("latent", "sliding", "linear", "mamba", "experts"):
        assert any(getattr(kind, name) for kind in kinds), name
    assert any(kind.multimodal for kind in kinds)
    assert any(kind.draft_layers for kind in kinds)
    methods = {"none", "awq", "gptq", "fp8", "mxfp4", "compressed-tensors"}
    assert {lock.quantisation.method for lock in locks} >= methods
    assert all(lock.source.note for lock in locks)


def test_the_list_is_printed_and_is_json_for_scripts() -> None:
    told = CliRunner().invoke(app, ["model", "list"]).output
    assert "for requests of 8,192 tokens" in told
    rows = json.loads(CliRunner().invoke(app, ["model", "list", "--json"]).output)
    assert {"name", "licence", "weights_gb", "context", "smallest"} <= set(rows[0])
