"""Locks, pushes and checks against a real S3 server on loopback; the Hub is a small double of its client."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.model.files import folder_problems, sha256_of
from components.model.lock import ModelLock, load_lock, manifest
from operations import hub
from operations.errors import CommandError
from operations.model_lock import complete, lock_from_folder, lock_from_hub
from operations.model_push import folder_source, push
from operations.model_verify import verify_bucket
from operations.push_parts import checksum
from operations.weight_cache import object_key
from tests.loopback_s3 import s3_client, s3_server
from tests.operations.fake_hub import CONFIG, FakeHub, opener

MODELS = Path(__file__).parents[2] / "models"
BUCKET = "pushed-weights"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_server() as endpoint, pytest.MonkeyPatch.context() as patch, s3_client(endpoint, BUCKET, patch) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "x"}')
    (tmp_path / "model.safetensors").write_bytes(os.urandom(70 * 2**20))
    return tmp_path


def lock_of(folder: Path) -> ModelLock:
    return lock_from_folder(folder, "small", repository="example/small", licence="mit", note="made by a test")


def silent(text: str) -> None:
    assert text


@pytest.mark.servers
def test_a_pushed_model_is_complete_encrypted_and_tagged(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)
    result = push(lock, folder_source(folder), BUCKET, s3, progress=silent, kms_key_arn=KEY)
    assert (result.uploaded_files, result.kept_files) == (3, 0)
    assert verify_bucket(lock, BUCKET, s3, read_all=True) == []
    for path in ("model.safetensors", "manifest.json"):
        where = {"Bucket": BUCKET, "Key": object_key(lock, path)}
        head = s3.head_object(**where)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**where)["TagSet"]}
        assert tags == {
            "cloister:model": "small",
            "cloister:revision": lock.revision,
            "cloister:licence": "mit",
        }
        attributes = s3.head_object(**where, ChecksumMode="ENABLED")
        body = s3.get_object(**where)["Body"].read()
        assert attributes["ChecksumCRC64NVME"] == checksum(body)
    again = push(lock, folder_source(folder), BUCKET, s3, progress=silent)
    assert (again.uploaded_files, again.kept_files, again.uploaded_bytes) == (0, 3, 0)


@pytest.mark.servers
def test_what_lies_there_under_another_key_is_told_and_sent_again(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)
    push(lock, folder_source(folder), BUCKET, s3, progress=silent)
    problems = verify_bucket(lock, BUCKET, s3, kms_key_arn=KEY)
    assert len(problems) == 4
    assert all(
        line.endswith(f"encrypted with no key of KMS, the platform's is {KEY}; push the model again")
        for line in problems
    )
    assert push(lock, folder_source(folder), BUCKET, s3, progress=silent, kms_key_arn=KEY).uploaded_files == 3
    assert verify_bucket(lock, BUCKET, s3, kms_key_arn=KEY, read_all=True) == []
    assert push(lock, folder_source(folder), BUCKET, s3, progress=silent, kms_key_arn=KEY).kept_files == 3


@pytest.mark.servers
def test_an_upload_that_was_begun_under_another_key_is_replaced_by_the_next_push(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)
    where = {"Bucket": BUCKET, "Key": object_key(lock, "model.safetensors")}
    digest = {"sha256": sha256_of(folder / "model.safetensors")}
    s3.create_multipart_upload(**where, ChecksumAlgorithm="CRC64NVME", Metadata=digest)
    with pytest.raises(CommandError, match="an earlier push began it with no key of KMS, not arn:aws:kms:"):
        push(lock, folder_source(folder), BUCKET, s3, progress=silent, kms_key_arn=KEY)
    assert "manifest.json: missing" in "\n".join(verify_bucket(lock, BUCKET, s3))
    push(lock, folder_source(folder), BUCKET, s3, progress=silent, kms_key_arn=KEY)
    assert verify_bucket(lock, BUCKET, s3, kms_key_arn=KEY, read_all=True) == []


@pytest.mark.servers
@pytest.mark.parametrize("path", ["model.safetensors", "config.json"])
def test_wrong_bytes_are_refused_and_leave_nothing_that_a_loader_takes(s3: Any, folder: Path, path: str) -> None:
    lock = lock_of(folder)
    content = bytearray((folder / path).read_bytes())
    content[-1] ^= 1
    (folder / path).write_bytes(content)
    with pytest.raises(CommandError, match=rf"{path}: sha256 is [0-9a-f]{{64}}, expected [0-9a-f]{{64}}"):
        push(lock, folder_source(folder), BUCKET, s3, progress=silent)
    problems = "\n".join(verify_bucket(lock, BUCKET, s3))
    assert f"{path}: missing" in problems
    assert "manifest.json: missing, so no loader takes the model" in problems
    # What was sent of other files may wait for the next push; nothing is left of wrong bytes.
    left = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert object_key(lock, path) not in [upload["Key"] for upload in left]


@pytest.mark.servers
def test_an_interrupted_push_keeps_the_files_it_finished(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)

    def breaking(path: str) -> Any:
        if path == "model.safetensors":
            # Files go side by side: the line is cut once the first small one has arrived.
            s3.get_waiter("object_exists").wait(
                Bucket=BUCKET, Key=object_key(lock, "config.json"), WaiterConfig={"Delay": 1, "MaxAttempts": 30}
            )
            raise CommandError("the line is cut")
        return folder_source(folder)(path)

    with pytest.raises(CommandError, match="the line is cut"):
        push(lock, breaking, BUCKET, s3, progress=silent)
    assert push(lock, folder_source(folder), BUCKET, s3, progress=silent).kept_files in (1, 2)


@pytest.mark.servers
def test_verify_names_what_was_changed_in_the_bucket(s3: Any, folder: Path) -> None:
    lock = lock_of(folder)
    push(lock, folder_source(folder), BUCKET, s3, progress=silent)
    digest = {"sha256": str(lock.files[0].sha256)}
    same_size = b"x" * len(json.dumps(CONFIG))
    s3.put_object(Bucket=BUCKET, Key=object_key(lock, "config.json"), Body=same_size, Metadata=digest)
    s3.put_object(Bucket=BUCKET, Key=object_key(lock, "manifest.json"), Body=manifest(lock) + b" ")
    s3.put_object(Bucket=BUCKET, Key=object_key(lock, "pytorch_model.bin"), Body=b"x")
    quick = "\n".join(verify_bucket(lock, BUCKET, s3))
    assert "manifest.json: differs" in quick
    assert "pytorch_model.bin: not in the lock" in quick
    assert "config.json: sha256 is" not in quick
    assert "config.json: sha256 is" in "\n".join(verify_bucket(lock, BUCKET, s3, read_all=True))


@pytest.mark.servers
def test_a_missing_bucket_and_an_incomplete_lock_are_refused_in_one_line(s3: Any, folder: Path) -> None:
    with pytest.raises(CommandError, match="no such bucket"):
        push(lock_of(folder), folder_source(folder), "absent", s3, progress=silent)
    with pytest.raises(CommandError, match=r"qwen3-8b\.lock\.yaml: incomplete"):
        push(load_lock(MODELS / "qwen3-8b.lock.yaml"), folder_source(folder), BUCKET, s3, progress=silent)


@pytest.mark.servers
def test_a_bandwidth_cap_is_kept(s3: Any, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(os.urandom(4 * 2**20))
    lock = lock_of(folder)
    result = push(lock, folder_source(folder), BUCKET, s3, progress=silent, bytes_per_second=8 * 2**20)
    assert result.seconds >= 0.5


def test_a_folder_with_code_or_pickles_is_refused(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(CommandError, match=r"'pytorch_model\.bin' may run code"):
        lock_of(folder)


def test_a_folder_that_differs_from_its_lock_is_described(folder: Path) -> None:
    lock = lock_of(folder)
    assert folder_problems(lock, folder) == []
    (folder / "config.json").unlink()
    (folder / "model.safetensors").write_bytes(b"x")
    assert folder_problems(lock, folder) == [
        "config.json: missing",
        f"model.safetensors: 1 bytes, the lock says {70 * 2**20}",
    ]


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    files = {
        "config.json": json.dumps(CONFIG).encode(),
        "tokenizer.json": b"{}",
        "chat_template.jinja": b"x",
        "README.md": b"hello",
        "model.safetensors": b"w" * 1000,
        "original/model.safetensors": b"v" * 1000,
        "pytorch_model.bin": b"p",
        "modeling_x.py": b"p",
    }

    monkeypatch.setattr(hub, "open_stream", opener(files))
    return FakeHub(files, {"license": "apache-2.0", "language": ["en"], "base_model": ["a/base"]})


def test_a_lock_from_the_hub_holds_what_an_engine_reads_and_nothing_else(fake_hub: FakeHub) -> None:
    lock = lock_from_hub("example/small", "main", "small", client=fake_hub)  # type: ignore[arg-type]
    assert [file.path for file in lock.files] == [
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert lock.revision == "b" * 40
    assert all(file.sha256 == hashlib.sha256(fake_hub.files[file.path]).hexdigest() for file in lock.files)
    assert (lock.licence.id, lock.licence.terms, lock.base_model) == ("apache-2.0", "permissive", "a/base")
    assert (lock.weights_bytes, lock.chat_template, lock.complete) == (1000, True, True)


def test_completing_a_lock_keeps_what_a_person_wrote_and_checks_the_architecture(fake_hub: FakeHub) -> None:
    written = lock_from_hub("example/small", "main", "small", client=fake_hub).model_copy(  # type: ignore[arg-type]
        update={"complete": False, "incomplete_reason": "not seen", "files": (), "base_model": "by hand"}
    )
    done = complete(written, client=fake_hub)  # type: ignore[arg-type]
    assert done.complete
    assert done.base_model == "by hand"
    other = written.architecture.model_copy(update={"layers": 3})
    with pytest.raises(CommandError, match=r"architecture\.layers is 3 here and 2 on"):
        complete(written.model_copy(update={"architecture": other}), client=fake_hub)  # type: ignore[arg-type]


def test_a_repository_without_matching_weights_is_refused(fake_hub: FakeHub) -> None:
    with pytest.raises(CommandError, match=r"no file matches '\*\.gguf'"):
        lock_from_hub("example/small", "main", "small", client=fake_hub, weights="*.gguf")  # type: ignore[arg-type]
