"""What licences ask, by the ids that model cards give them."""

from pathlib import Path

import pytest

from components.model.licence import KNOWN, licence_of, terms_of
from components.model.lock import load_lock

LOCKS = sorted((Path(__file__).parents[2] / "models").glob("*.lock.yaml"))


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("apache-2.0", "permissive"),
        ("MIT", "permissive"),
        ("llama3.1", "conditions"),
        ("gemma", "conditions"),
        ("agpl-3.0", "conditions"),
        ("AGPL-3.0-only", "conditions"),
        ("modified-mit", "conditions"),
        ("qwen", "conditions"),
        ("tongyi-qianwen", "conditions"),
        ("qwen-research", "non-commercial"),
        ("tongyi-qianwen-research", "non-commercial"),
        ("mrl", "non-commercial"),
        ("mistral-ai-research-licence", "non-commercial"),
        ("nvidia-open-model-license", "conditions"),
        ("nvidia-nemotron-open-model-license", "conditions"),
        ("bigcode-openrail-m", "conditions"),
        ("cc-by-nc-4.0", "non-commercial"),
        ("proprietary", "unknown"),
        ("unknown", "unknown"),
        ("mit-something", "unknown"),
    ],
)
def test_licences_are_put_into_classes(name: str, terms: str) -> None:
    assert terms_of(name) == terms


def test_every_class_says_what_it_asks_and_where_that_is_written() -> None:
    for known in KNOWN:
        assert known.asks
        assert known.source.startswith("https://")
        assert all(name == name.lower() for name in known.names)
    assert "100 million" in licence_of("qwen").asks
    assert "20 million" in licence_of("modified-mit").asks
    assert "source" in licence_of("agpl-3.0").asks
    assert "EU" in licence_of("llama4").asks
    assert "EU" not in licence_of("llama3.1").asks


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_lock_file_has_the_class_of_its_licence(path: Path) -> None:
    lock = load_lock(path)
    assert lock.licence.terms == terms_of(lock.licence.id)
    assert lock.licence.terms != "unknown"
