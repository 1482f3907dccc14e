"""Reads models from the Hugging Face Hub: what a revision holds, and its bytes as a stream."""

import fnmatch
import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final, cast

from httpx2 import HTTPError
from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils._headers import build_hf_headers

from operations.errors import CommandError

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
STREAM_SECONDS: Final = 60.0
STREAM_ATTEMPTS: Final = 6
STREAM_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """One file of a revision; `sha256` is known for files in large-file storage only."""

    path: str
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class HubRevision:
    """What the Hub says about one commit of a model repository."""

    repository: str
    revision: str
    files: tuple[HubFile, ...]
    gated: bool
    card: dict[str, Any]


def look_up(client: HfApi, repository: str, revision: str | None) -> HubRevision:
    """The commit that a branch, tag or hash names now, and its files.

    Raises:
        CommandError: repository or revision do not exist, or their terms were not accepted.
    """
    try:
        info = client.model_info(repository, revision=revision, files_metadata=True)
    except GatedRepoError:
        raise CommandError(f"{repository}: gated; accept its terms on the Hub and set HF_TOKEN") from None
    except RepositoryNotFoundError:
        raise CommandError(f"{repository}: no such repository, or it is private and HF_TOKEN is not set") from None
    except RevisionNotFoundError:
        raise CommandError(f"{repository}: no revision {revision!r}; use a branch, a tag or a commit's hash") from None
    except (HfHubHTTPError, OSError) as error:
        raise CommandError(
            f"{repository}: the Hub cannot be reached ({error}); run this where there is internet"
        ) from None
    files = tuple(
        HubFile(path=item.rfilename, size_bytes=item.size or 0, sha256=item.lfs.sha256 if item.lfs else None)
        for item in info.siblings or ()
    )
    data: Any = info.card_data
    card = data.to_dict() if data else {}
    return HubRevision(repository=repository, revision=str(info.sha), files=files, gated=bool(info.gated), card=card)


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
    pieces = _pieces(f"{repository}/{path}", hf_hub_url(repository, path, revision=revision))
    with closing(pieces):
        yield cast(IO[bytes], _Reader(pieces))


def small_file(repository: str, revision: str, path: str) -> tuple[bytes, str]:
    """A small file's bytes and their digest."""
    with open_stream(repository, revision, path) as stream:
        content = stream.read(2**30)
    return content, hashlib.sha256(content).hexdigest()


def _pieces(name: str, address: str) -> Generator[bytes, None, None]:
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    reached, size, failures = 0, -1, 0
    while reached != size:
        wanted = headers | ({"Range": f"bytes={reached}-"} if reached else {})
        try:
            with get_session().stream(
                "GET", address, headers=wanted, follow_redirects=True, timeout=STREAM_SECONDS
            ) as response:
                if response.status_code >= 500 or response.status_code == 429:
                    raise ConnectionError(f"the Hub answers {response.status_code}")
                if response.status_code != (206 if reached else 200):
                    raise CommandError(f"{name}: the Hub answers {response.status_code}; check HF_TOKEN")
                size = reached + int(response.headers["Content-Length"]) if size < 0 else size
                for piece in response.iter_raw(2**20):
                    reached, failures = reached + len(piece), 0
                    yield piece
        except (OSError, HTTPError) as error:
            failures += 1
            if failures == STREAM_ATTEMPTS:
                raise CommandError(f"{name}: {error}; run the push again, what was sent is kept") from None
            time.sleep(STREAM_PAUSE_SECONDS * 2**failures)


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
