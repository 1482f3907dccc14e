"""What an engine compiled, kept beside the weights: one object for each key, named by its digest, checked before use.

Such a cache is code. So a restore is told the digest, by whoever reviewed the run that saved it, and takes no other.
"""

import base64
import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from images.weights.access import region
from images.weights.manifest import LoaderError
from images.weights.node_cache import free_bytes
from images.weights.partial import sync_folder

PREFIX: Final = "engine-caches"
RESTORED: Final = ".restored"
PIECE_BYTES: Final = 2**20
# One request of S3 takes 5 GiB; caches of vLLM measure tens of MiB.
MOST_BYTES: Final = 4 * 2**30


def save(folder: Path, bucket: str, key: str) -> str:
    """Stores the folder's files as one object, and gives the digest that a restore must be told.

    Raises:
        LoaderError: the folder is empty, holds links, is too large, or the store refuses.
    """
    with tempfile.TemporaryFile(dir=os.environ.get("TMPDIR")) as scratch:
        _pack(folder, scratch)
        size = scratch.tell()
        if size > MOST_BYTES:
            raise LoaderError(f"{folder}: {size / 1e9:.1f} GB, an engine cache may have {MOST_BYTES / 1e9:.1f} GB")
        scratch.seek(0)
        digest = hashlib.file_digest(scratch, "sha256")
        scratch.seek(0)
        where = {"Bucket": bucket, "Key": _name(key, digest.hexdigest())}
        try:
            boto3.client("s3", region_name=region()).put_object(
                **where, Body=scratch, ContentLength=size, ChecksumSHA256=base64.b64encode(digest.digest()).decode()
            )
        except (BotoCoreError, ClientError) as error:
            raise LoaderError(f"s3://{bucket}/{where['Key']}: {error}") from None
    return digest.hexdigest()


def restore(folder: Path, bucket: str, key: str, sha256: str) -> bool:
    """Brings the files back; False when the folder has them already.

    The folder is replaced as a whole, after the digest was found right: a kill leaves the old one or the new one.

    Raises:
        LoaderError: the object is missing, has other bytes, or leads out of the folder; nothing was changed then.
    """
    marker = folder / RESTORED
    if marker.exists() and marker.read_text(encoding="utf-8").strip() == sha256:
        return False
    name = _name(key, sha256)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with (fresh / "archive").open("w+b") as archive:
            _download(bucket, name, archive, sha256)
            archive.seek(0)
            _unpack(archive, fresh / "files", f"s3://{bucket}/{name}")
        (fresh / "files" / RESTORED).write_text(f"{sha256}\n", encoding="utf-8")
        if folder.exists():
            os.replace(folder, fresh / "old")
        os.replace(fresh / "files", folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


def _pack(folder: Path, archive: IO[bytes]) -> None:
    """The same bytes for the same files: names in order, no times, no owners."""
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir() and path.name != RESTORED)
    if not paths:
        raise LoaderError(f"{folder}: no files; the engine has not compiled anything there")
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in paths:
            if path.is_symlink() or not path.is_file():
                raise LoaderError(f"{path}: not a plain file; an engine cache holds files only")
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)


def _download(bucket: str, name: str, archive: IO[bytes], sha256: str) -> None:
    where, digest = f"s3://{bucket}/{name}", hashlib.sha256()
    try:
        answer: Any = boto3.client("s3", region_name=region()).get_object(Bucket=bucket, Key=name)
        size = int(answer["ContentLength"])
        # Once as an archive, once unpacked.
        if size > MOST_BYTES or 2 * size > free_bytes(Path(archive.name).parent):
            raise LoaderError(f"{where}: {size / 1e9:.2f} GB are too large for an engine cache on this disk")
        for piece in answer["Body"].iter_chunks(PIECE_BYTES):
            digest.update(piece)
            archive.write(piece)
    except (BotoCoreError, ClientError) as error:
        raise LoaderError(f"{where}: {error}") from None
    if digest.hexdigest() != sha256:
        raise LoaderError(f"{where}: sha256 is {digest.hexdigest()}, expected {sha256}; the engine compiles anew")


def _unpack(archive: IO[bytes], folder: Path, where: str) -> None:
    folder.mkdir()
    try:
        with tarfile.open(fileobj=archive, mode="r:") as tar:
            for entry in tar:
                if not entry.isfile():
                    raise LoaderError(f"{where}: {entry.name!r} is not a plain file")
                tar.extract(entry, folder, filter="data")
    except tarfile.TarError as error:
        raise LoaderError(f"{where}: {error}") from None


def _name(key: str, sha256: str) -> str:
    return f"{PREFIX}/{key}/{sha256}.tar"
