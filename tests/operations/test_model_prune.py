"""Which revisions the rule removes, and that their deletion leaves no half model."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.errors import SettingsError
from operations.errors import CommandError
from operations.model_prune import StoredRevision, judge, named_revisions, remove, stored_revisions
from tests.loopback_s3 import s3_client, s3_server

ROOT = Path(__file__).parents[2]
BUCKET = "pruned-weights"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def stored(model: str, revision: str, days: float) -> StoredRevision:
    return StoredRevision(model=model, revision=revision, keys=(), size_bytes=1, written=NOW - timedelta(days=days))


def test_old_revisions_go_and_the_reason_is_said() -> None:
    found = [
        stored("a", "1", 100),
        stored("a", "2", 50),
        stored("a", "3", 10),
        stored("a", "4", 1),
        stored("b", "1", 400),
    ]
    verdicts = judge(found, {("a", "1"): "serving-dev"}, keep=1, older_than_days=30, now=NOW)
    assert {(v.revision.model, v.revision.revision): (v.removed, v.reason) for v in verdicts} == {
        ("a", "4"): (False, "one of the 1 newest"),
        ("a", "3"): (False, "younger than 30 days"),
        ("a", "2"): (True, "number 3 by age, 50 days old, named by no stack"),
        ("a", "1"): (False, "stack serving-dev names it"),
        ("b", "1"): (False, "one of the 1 newest"),
    }


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("12345"), st.floats(0, 1000)), unique_by=lambda it: it[:2]
    ),
    st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from("12345"))),
    st.integers(0, 4),
    st.floats(0, 1000),
)
def test_nothing_that_a_stack_names_is_ever_removed(
    found: list[tuple[str, str, float]], named: set[tuple[str, str]], keep: int, days: float
) -> None:
    revisions = [stored(*one) for one in found]
    verdicts = judge(revisions, dict.fromkeys(named, "stack"), keep=keep, older_than_days=days, now=NOW)
    assert len(verdicts) == len(found)
    gone = {(v.revision.model, v.revision.revision) for v in verdicts if v.removed}
    assert not gone & named
    for model in "ab":
        kept = [v for v in verdicts if v.revision.model == model and not v.removed]
        assert len(kept) >= min(keep, sum(one[0] == model for one in found))


def test_every_stack_file_is_asked_and_one_that_cannot_be_read_refuses(tmp_path: Path) -> None:
    for folder in ("stacks", "models", "images"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    named = named_revisions(tmp_path)
    assert {model for model, _ in named} >= {"smollm2-135m-instruct", "smollm2-135m-instruct-gguf", "qwen3-8b"}
    (tmp_path / "stacks" / "Pulumi.other.yaml").write_text("config: {")
    with pytest.raises(SettingsError, match="not YAML"):
        named_revisions(tmp_path)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_server() as endpoint, pytest.MonkeyPatch.context() as patch, s3_client(endpoint, BUCKET, patch) as client:
        yield client


@pytest.mark.servers
def test_a_revision_goes_with_its_unfinished_uploads_and_the_others_stay(s3: Any) -> None:
    for key in ("models/a/1/manifest.json", "models/a/1/x/y.json", "models/a/2/manifest.json", "other/z"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"12")
    s3.create_multipart_upload(Bucket=BUCKET, Key="models/a/1/model.safetensors")
    verdicts = judge(
        stored_revisions(BUCKET, s3),
        {("a", "2"): "serving-dev"},
        keep=0,
        older_than_days=0,
        now=datetime.now(UTC) + timedelta(days=1),
    )
    assert remove(verdicts, BUCKET, s3) == 4
    left = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert left == ["models/a/2/manifest.json", "other/z"]
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


@pytest.mark.servers
def test_an_interrupted_removal_leaves_no_manifest(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("models/c/1/manifest.json", "models/c/1/model.safetensors"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"12")
    (one,) = [one for one in stored_revisions(BUCKET, s3) if one.model == "c"]
    verdicts = judge([one], {}, keep=0, older_than_days=0, now=datetime.now(UTC) + timedelta(days=1))
    refused = {"Errors": [{"Key": "models/c/1/model.safetensors", "Code": "AccessDenied"}]}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: refused)
    with pytest.raises(CommandError, match=r"model\.safetensors: not deleted: AccessDenied"):
        remove(verdicts, BUCKET, s3)
    left = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="models/c/")["Contents"]]
    assert left == ["models/c/1/model.safetensors"]
