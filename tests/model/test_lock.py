import hashlib
import json
from pathlib import Path

import pytest
import yaml

from components.model.lock import LockedFile, ModelLock, dump, folder_revision, load_lock, manifest, manifest_sha256
from components.settings.errors import SettingsError

MODELS = Path(__file__).parents[2] / "models"
LOCKS = sorted(MODELS.glob("*.lock.yaml"))


def spoiled(tmp_path: Path, **changes: object) -> Path:
    document = yaml.safe_load((MODELS / "smollm2-135m-instruct.lock.yaml").read_text())
    document.update(changes)
    path = tmp_path / "smollm2-135m-instruct.lock.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_lock_file_loads_and_is_written_back_unchanged(path: Path) -> None:
    lock = load_lock(path)
    assert dump(lock) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_is_complete_or_says_why_not(path: Path) -> None:
    lock = load_lock(path)
    assert lock.complete or len(lock.incomplete_reason) > 20


def test_revision_of_a_folder_follows_from_its_files() -> None:
    lock = load_lock(MODELS / "smollm2-135m-instruct.lock.yaml")
    assert lock.revision == folder_revision(lock.files)
    assert folder_revision(lock.files[::-1]) == lock.revision
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in sorted(lock.files, key=lambda file: file.path))
    assert lock.revision == hashlib.sha256(lines.encode()).hexdigest()[:40]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"revision": "main"}, "revision: 'main' is not a full revision"),
        ({"revision": "e02ae57"}, "give all 40 hex digits"),
        ({"files": [{"path": "../x", "size_bytes": 1, "sha256": "0" * 64}]}, "is not a plain relative path"),
        ({"files": [{"path": "/x", "size_bytes": 1, "sha256": "0" * 64}]}, "is not a plain relative path"),
        ({"files": [{"path": "manifest.json", "size_bytes": 1, "sha256": "0" * 64}]}, "is not a plain relative path"),
        ({"files": [{"path": "pytorch_model.bin", "size_bytes": 1, "sha256": "0" * 64}]}, "may run code"),
        ({"files": [{"path": "modeling_x.PY", "size_bytes": 1, "sha256": "0" * 64}]}, "may run code"),
        ({"files": [{"path": "a.safetensors", "size_bytes": 1, "sha256": "0" * 63}]}, "files.0.sha256: "),
        ({"files": [{"path": "a.safetensors", "size_bytes": 10**9, "sha256": None}]}, "has no size or digest"),
        ({"files": []}, "a complete lock has a revision and files"),
        ({"format": "gguf"}, "no file ends in .gguf"),
        ({"weights_bytes": 10**12}, "exceeds the files' sum"),
        ({"weights_bytes": "1"}, "weights_bytes: '1'"),
        ({"surprise": 1}, "surprise: unknown key"),
        ({"complete": False}, "say why under incomplete_reason"),
        ({"name": "other"}, "differs from the file's name"),
    ],
)
def test_a_spoiled_lock_is_refused_with_the_place(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_lock(spoiled(tmp_path, **changes))
    assert message in str(raised.value)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_lock(spoiled(tmp_path, revision="main", gated="yes", dtype="int4"))
    assert len(raised.value.problems) == 3


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_lock(tmp_path / "absent.lock.yaml")
    for content in (b"a: [", b"\xff\xfe\x00"):
        (tmp_path / "broken.lock.yaml").write_bytes(content)
        with pytest.raises(SettingsError, match="not YAML"):
            load_lock(tmp_path / "broken.lock.yaml")


def test_the_manifest_is_a_function_of_the_lock_alone() -> None:
    lock = load_lock(MODELS / "smollm2-135m-instruct.lock.yaml")
    turned = lock.model_copy(update={"files": lock.files[::-1]})
    assert manifest(turned) == manifest(lock)
    assert manifest_sha256(lock) == hashlib.sha256(manifest(lock)).hexdigest()
    assert [entry["path"] for entry in json.loads(manifest(lock))["files"]] == sorted(file.path for file in lock.files)


def test_another_digest_of_one_file_gives_another_manifest() -> None:
    lock = load_lock(MODELS / "smollm2-135m-instruct.lock.yaml")
    first = LockedFile(path=lock.files[0].path, size_bytes=lock.files[0].size_bytes, sha256="0" * 64)
    assert manifest_sha256(lock.model_copy(update={"files": (first, *lock.files[1:])})) != manifest_sha256(lock)


def test_an_incomplete_lock_has_no_manifest() -> None:
    lock: ModelLock = load_lock(MODELS / "qwen3-8b.lock.yaml")
    with pytest.raises(SettingsError, match="`cloister model complete qwen3-8b`"):
        manifest(lock)
