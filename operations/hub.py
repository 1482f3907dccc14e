"""Reads models from the Hugging Face Hub: what a revision holds, and its bytes as a stream."""

import fnmatch
import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import IO, Any, Final, cast

from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import hf_raise_for_status

from operations.errors import CommandError
from operations.hub_answers import EXPECTED, pause, refusal

# Beside the weights, an engine reads these from the top folder; other copies of the weights lie in sub-folders.
COMPANIONS: Final = (
    "*.json",
    "*.jinja",
    "*.model",
    "*.tiktoken",
    "merges.txt",
    "vocab.txt",
    "LICENSE*",
    "NOTICE*",
    "USE_POLICY*",
)
INDEX: Final = "model.safetensors.index.json"
"""Names the shards. Source: transformers, sharded checkpoints."""
PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
LEFT_OUT: Final[dict[str, Callable[[str], bool]]] = {
    "pickle files, which may run code when they are loaded": lambda path: path.endswith(PICKLES),
    "code, which an engine would only run with trust_remote_code": lambda path: path.endswith((".py", ".so")),
    "copies in folders of their own": lambda path: "/" in path,
    "weights that the index does not name, or in another form": lambda path: path.endswith((".safetensors", ".gguf")),
}
SILENT_SECONDS: Final = 60.0
"""How long the Hub may say nothing."""


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """One file of a revision.

    Attributes:
        path: inside the repository.
        size_bytes: as the Hub lists it.
        sha256: known for files in large-file storage only.
        git_sha1: what git calls the content of a file that lies in the repository itself.
    """

    path: str
    size_bytes: int
    sha256: str | None
    git_sha1: str | None = None


@dataclass(frozen=True, kw_only=True)
class HubRevision:
    """What the Hub says about one commit of a model repository."""

    repository: str
    revision: str
    files: tuple[HubFile, ...]
    gated: bool
    card: dict[str, Any]

    def file(self, path: str) -> HubFile | None:
        """One of its files."""
        return next((file for file in self.files if file.path == path), None)


def look_up(client: HfApi, repository: str, revision: str | None) -> HubRevision:
    """The commit that a branch, tag or hash names now, and its files.

    Raises:
        CommandError: repository or revision do not exist, or their terms were not accepted.
    """
    if revision == "":
        raise CommandError(f"{repository}: no revision ''; use a branch, a tag or a commit's hash")
    info = _asked(client, repository, revision)
    files = tuple(
        HubFile(
            path=item.rfilename,
            size_bytes=item.size or 0,
            sha256=item.lfs.sha256 if item.lfs else None,
            git_sha1=None if item.lfs else item.blob_id,
        )
        for item in info.siblings or ()
    )
    data: Any = info.card_data
    card = data.to_dict() if data else {}
    return HubRevision(repository=repository, revision=str(info.sha), files=files, gated=bool(info.gated), card=card)


def _asked(client: HfApi, repository: str, revision: str | None) -> Any:
    for attempt in count(1):
        try:
            return client.model_info(repository, revision=revision, files_metadata=True, timeout=SILENT_SECONDS)
        except EXPECTED as error:
            if (seconds := pause(error, attempt)) is None:
                raise refusal(repository, repository, revision, error) from None
            time.sleep(seconds)


def wanted(files: tuple[HubFile, ...], weights: str, shards: frozenset[str] | None = None) -> tuple[HubFile, ...]:
    """Weights that match a pattern, and what an engine reads beside them.

    Args:
        files: all files of the revision.
        weights: a pattern of the top folder, such as `*.safetensors` or `*Q4_K_M*.gguf`.
        shards: what the index names, if there is one: a repository may hold the same weights twice.

    Raises:
        CommandError: no file matches, or a shard is missing.
    """
    top = [file for file in files if "/" not in file.path]
    chosen = [file for file in top if fnmatch.fnmatch(file.path, weights) and (shards is None or file.path in shards)]
    if missing := sorted((shards or frozenset()) - {file.path for file in chosen}):
        raise CommandError(f"{INDEX} names {missing[0]!r}, which the repository lacks; lock another revision")
    if not chosen:
        raise CommandError(
            f"no file matches {weights!r}; the repository holds {', '.join(f.path for f in top) or 'none'}"
        )
    chosen += [file for file in top if any(fnmatch.fnmatch(file.path, pattern) for pattern in COMPANIONS)]
    return tuple(sorted({file.path: file for file in chosen}.values(), key=lambda file: file.path))


def left_out(files: tuple[HubFile, ...], chosen: frozenset[str]) -> Iterator[str]:
    """What a repository holds and a lock leaves out on purpose, for people.

    Args:
        files: all files of the revision.
        chosen: paths of the lock.
    """
    rest = [file for file in files if file.path not in chosen]
    for words, belongs in LEFT_OUT.items():
        found = [file for file in rest if belongs(file.path)]
        rest = [file for file in rest if file not in found]
        if found:
            size = sum(file.size_bytes for file in found)
            yield f"{words}: {len(found)} files, {size / 1e9:.2f} GB, such as {found[0].path}"


@contextmanager
def open_stream(repository: str, revision: str, path: str) -> Iterator[IO[bytes]]:
    """A file's bytes as they arrive, without a copy on disk; after an interruption they go on where they were.

    Raises:
        CommandError: the Hub refuses, or the connection breaks again and again without a new byte.
    """
    pieces = _pieces(repository, revision, path)
    with closing(pieces):
        yield cast(IO[bytes], _Reader(pieces))


def small_file(repository: str, revision: str, file: HubFile) -> tuple[bytes, str]:
    """A small file's bytes and their sha256.

    Raises:
        CommandError: the Hub refuses, or the bytes are others than it lists.
    """
    with open_stream(repository, revision, file.path) as stream:
        content = stream.read(2**30)
    sha256 = hashlib.sha256(content).hexdigest()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    listed = (file.size_bytes, file.sha256 or sha256, file.git_sha1 or blob)
    if listed != (len(content), sha256, blob):
        raise CommandError(
            f"{repository}/{file.path}: {len(content)} bytes with sha256 {sha256} came, and the Hub lists others "
            f"({file.size_bytes} bytes, {file.sha256 or f'git blob {file.git_sha1}'}); check HF_ENDPOINT and the proxy"
        )
    return content, sha256


def _pieces(repository: str, revision: str, path: str) -> Generator[bytes, None, None]:
    name, address = f"{repository}/{path}", hf_hub_url(repository, path, revision=revision)
    reached, size, attempt = 0, -1, 0
    while reached != size:
        try:
            headers = build_hf_headers() | {"Accept-Encoding": "identity"}
            headers |= {"Range": f"bytes={reached}-"} if reached else {}
            with get_session().stream(
                "GET", address, headers=headers, follow_redirects=True, timeout=SILENT_SECONDS
            ) as response:
                hf_raise_for_status(response)
                if response.status_code != (206 if reached else 200):
                    raise CommandError(f"{name}: cut at {reached} bytes, and the Hub cannot go on there; run it again")
                told = response.headers.get("Content-Length")
                size = reached + int(told) if size < 0 and told is not None else size
                for piece in response.iter_raw(2**20):
                    reached, attempt = reached + len(piece), 0
                    yield piece
                size = reached if told is None else size
        except EXPECTED as error:
            attempt += 1
            if (seconds := pause(error, attempt)) is None:
                raise refusal(name, repository, revision, error) from None
            time.sleep(seconds)


class _Reader:
    """Gives the pieces of an iterator out in the sizes that are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (piece := next(self._pieces, None)) is not None:
            self._rest += piece
        result, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return result
