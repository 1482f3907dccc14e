"""What an engine compiled is saved as one object and restored as a whole, or not at all."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from images.weights.engine_cache import restore, save
from images.weights.manifest import LoaderError
from tests.loopback_s3 import s3_client, s3_server

ROOT = Path(__file__).parents[2]
BUCKET = "caches"
KEY = "c" * 64


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with s3_client(endpoint, BUCKET, monkeypatch) as client:
        yield client


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    folder = tmp_path / "compiled"
    (folder / "torch_compile_cache" / "rank_0").mkdir(parents=True)
    (folder / "torch_compile_cache" / "rank_0" / "graph").write_bytes(os.urandom(300_000))
    (folder / "kernel.cubin").write_bytes(os.urandom(1000))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".restored"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.servers
def test_a_saved_cache_comes_back_as_it_was_and_only_once(s3: Any, compiled: Path, tmp_path: Path) -> None:
    digest = save(compiled, BUCKET, KEY)
    os.utime(compiled / "kernel.cubin", (1, 1))
    assert save(compiled, BUCKET, KEY) == digest
    target = tmp_path / "engine" / "cache"
    assert restore(target, BUCKET, KEY, digest)
    assert content(target) == content(compiled)
    assert not restore(target, BUCKET, KEY, digest)
    assert [path.name for path in target.parent.iterdir()] == ["cache"]


@pytest.mark.servers
def test_other_bytes_and_another_digest_change_nothing(s3: Any, compiled: Path, tmp_path: Path) -> None:
    digest = save(compiled, BUCKET, KEY)
    target = tmp_path / "cache"
    target.mkdir()
    (target / "old").write_bytes(b"old")
    with pytest.raises(LoaderError, match="NoSuchKey"):
        restore(target, BUCKET, KEY, "0" * 64)
    s3.put_object(Bucket=BUCKET, Key=f"engine-caches/{KEY}/{digest}.tar", Body=b"something else")
    with pytest.raises(LoaderError, match="the engine compiles anew"):
        restore(target, BUCKET, KEY, digest)
    assert content(target) == {"old": b"old"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "compiled"]


@pytest.mark.servers
@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "link"])
def test_an_archive_that_leads_elsewhere_is_refused(s3: Any, tmp_path: Path, name: str) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        if name == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(entry)
    digest = hashlib.sha256(archive.getvalue()).hexdigest()
    s3.put_object(Bucket=BUCKET, Key=f"engine-caches/{KEY}/{digest}.tar", Body=archive.getvalue())
    if name.startswith("/"):
        # The leading slash is taken off, so that it lands inside.
        assert restore(tmp_path / "cache", BUCKET, KEY, digest)
        assert list(content(tmp_path / "cache")) == ["tmp/outside"]
        return
    with pytest.raises(LoaderError, match=r"outside|plain file"):
        restore(tmp_path / "cache", BUCKET, KEY, digest)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.servers
def test_links_and_empty_folders_are_not_saved(s3: Any, compiled: Path, tmp_path: Path) -> None:
    (compiled / "link").symlink_to("/etc/passwd")
    with pytest.raises(LoaderError, match="not a plain file"):
        save(compiled, BUCKET, KEY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LoaderError, match="no files"):
        save(tmp_path / "empty", BUCKET, KEY)


@pytest.mark.servers
def test_the_commands_say_the_digest_and_take_it(s3: Any, compiled: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "images.weights"]
    where = ["--bucket", BUCKET, "--key", KEY, "--folder"]
    said = subprocess.run(
        [*words, "save-cache", *where, str(compiled)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    digest = json.loads(said.stdout)["sha256"]
    restored = [*words, "restore-cache", *where, str(tmp_path / "back"), "--sha256", digest]
    said = subprocess.run(restored, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(said.stdout) == {"event": "restored", "sha256": digest}
    assert content(tmp_path / "back") == content(compiled)


@pytest.mark.servers
def test_a_cache_that_is_optional_and_missing_is_said_and_left_out(s3: Any, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "images.weights", "restore-cache", "--bucket", BUCKET, "--key", KEY]
    words += ["--folder", str(tmp_path / "back"), "--sha256", "d" * 64]
    codes = []
    for more in ([], ["--optional"]):
        done = subprocess.run([*words, *more], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        codes.append(done.returncode)
        assert done.stderr.startswith(f"weights: s3://{BUCKET}/engine-caches/{KEY}/{'d' * 64}.tar: ")
    assert codes == [1, 0]
    assert not (tmp_path / "back").exists()
