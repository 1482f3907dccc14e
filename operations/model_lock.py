"""Writes lock files: from a revision of the Hub, or from a folder."""

from pathlib import Path
from typing import Any, Final

from huggingface_hub import HfApi
from pydantic import ValidationError

from components.model.architecture import Architecture
from components.model.files import sha256_of
from components.model.licence import terms_of
from components.model.lock import Card, Licence, LockedFile, ModelLock, Source, folder_revision
from components.model.remote_code import CONFIG, TOKENIZER
from operations.checkpoint import document, has_chat_template, lock_of_checkpoint, shards_named
from operations.errors import CommandError
from operations.hub import INDEX, HubFile, HubRevision, look_up, small_file, wanted
from operations.model_card import card_of, many

WEIGHTS: Final = "*.safetensors"
README: Final = "README.md"
LARGE: Final = (".safetensors", ".gguf")
"""Weights: never read to find their digest out, which the Hub has of every file in large-file storage."""
READ: Final = (".json", ".jinja")


def lock_from_hub(
    repository: str, revision: str | None, name: str, *, client: HfApi, weights: str = WEIGHTS
) -> ModelLock:
    """The lock of a revision: digests from the Hub's large-file storage, small files read and hashed.

    Args:
        repository: `owner/name`.
        revision: branch, tag or hash; the lock holds the full hash of its commit.
        name: of the lock file.
        client: the Hub.
        weights: which weights, when a repository has several.

    Raises:
        CommandError: the Hub refuses, no weights match, or config.json says something unknown.
    """
    return lock_of(look_up(client, repository, revision), name, weights)


def lock_of(found: HubRevision, name: str, weights: str = WEIGHTS) -> ModelLock:
    """The lock of a revision that was looked up; arguments and errors as in `lock_from_hub`."""
    repository = found.repository
    index = found.file(INDEX) if weights == WEIGHTS else None
    shards = shards_named(repository, small_file(repository, found.revision, index)[0]) if index else None
    files = []
    documents: dict[str, dict[str, Any]] = {}
    chat_template = False
    for file in wanted(found.files, weights, shards):
        sha256 = file.sha256
        if sha256 is None and file.path.endswith(LARGE):
            raise CommandError(f"{repository}: the Hub has no sha256 of {file.path}; lock another revision")
        if sha256 is None or file.path in (CONFIG, TOKENIZER):
            content, sha256 = small_file(repository, found.revision, file)
            file = HubFile(path=file.path, size_bytes=len(content), sha256=sha256)
            chat_template |= has_chat_template(file.path, content)
            if file.path.endswith(".json"):
                documents[file.path] = document(repository, file.path, content)
        files.append(LockedFile(path=file.path, size_bytes=file.size_bytes, sha256=sha256))
    if CONFIG not in documents:
        raise CommandError(f"{repository}: has no config.json; lock it from a folder with --config")
    licence = _licence_name(found)
    return lock_of_checkpoint(
        documents,
        tuple(files),
        name=name,
        repository=repository,
        revision=found.revision,
        source=Source(kind="hub"),
        licence=Licence(id=licence, terms=terms_of(licence)),
        gated=found.gated,
        base_model=_first(found.card.get("base_model")),
        chat_template=chat_template,
        card=card_of(found.card, _text(found)),
    )


def _text(found: HubRevision) -> str:
    """The card's Markdown."""
    file = found.file(README)
    if file is None:
        return ""
    content, _ = small_file(found.repository, found.revision, file)
    return content.decode("utf-8", errors="replace")


def lock_from_folder(
    folder: Path,
    name: str,
    *,
    repository: str,
    licence: str,
    note: str,
    config: Path | None = None,
    base_model: str = "",
) -> ModelLock:
    """The lock of a folder's files; its revision follows from their digests.

    Args:
        folder: weights and what belongs to them; files that start with a dot are not looked at.
        name: of the lock file.
        repository: what the bytes are known as.
        licence: SPDX id or the publisher's name for it.
        note: where the bytes come from, for people.
        config: a config.json that lies elsewhere (GGUF folders have none).
        base_model: what the model was made from.

    Raises:
        CommandError: there is no config.json, or it says something unknown, or a file may run code.
    """
    if not repository:
        raise CommandError("the repository has no name; say what the files are known as, like owner/name")
    path = config or folder / "config.json"
    if not path.is_file():
        raise CommandError(f"{path}: missing; name the model's config.json with --config")
    names = _of_folder(folder)
    try:
        files = tuple(
            LockedFile(path=file.relative_to(folder).as_posix(), size_bytes=file.stat().st_size, sha256=sha256_of(file))
            for file in names
        )
    except ValidationError as error:
        raise CommandError(f"{folder}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    contents = {file.name: file.read_bytes() for file in names if file.parent == folder and file.suffix in READ}
    documents = {
        name: document(str(folder), name, content) for name, content in contents.items() if name.endswith(".json")
    }
    return lock_of_checkpoint(
        documents | {CONFIG: document(str(path), CONFIG, path.read_bytes())},
        files,
        name=name,
        repository=repository,
        revision=folder_revision(files),
        source=Source(kind="folder", note=note),
        licence=Licence(id=licence, terms=terms_of(licence)),
        gated=False,
        base_model=base_model,
        chat_template=any(has_chat_template(name, content) for name, content in contents.items()),
        card=Card(),
    )


def _of_folder(folder: Path) -> list[Path]:
    """Files of a checkpoint: where an index names shards, no other weights, and none of folders further in."""
    names = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    index = folder / INDEX
    if not index.is_file():
        return names
    shards = shards_named(str(folder), index.read_bytes())
    if missing := sorted(name for name in shards if not (folder / name).is_file()):
        raise CommandError(f"{folder}: {INDEX} names {missing[0]!r}, which is not there; fetch it again")
    return [file for file in names if file.suffix != ".safetensors" or file.relative_to(folder).as_posix() in shards]


def complete(lock: ModelLock, *, client: HfApi) -> ModelLock:
    """An incomplete lock with the digests that the Hub gives for it; what a person wrote into it stays.

    Raises:
        CommandError: the Hub refuses, or its architecture is another than the lock's.
    """
    found = lock_from_hub(lock.repository, lock.revision, lock.name, client=client)
    if differing := _contradictions(lock.architecture, found.architecture):
        raise CommandError(f"models/{lock.name}.lock.yaml: {'; '.join(differing)}; mend the lock, or name its revision")
    return found.model_copy(update={"licence": lock.licence, "card": lock.card, "base_model": lock.base_model})


def _contradictions(written: Architecture, found: Architecture) -> list[str]:
    """Numbers that a lock states and the Hub contradicts; what the lock left out is filled in."""
    return [
        f"architecture.{name} is {value} here and {getattr(found, name)} on the Hub"
        for name, value in written
        if name not in ("model_type", "multimodal") and value and value != getattr(found, name)
    ]


def _licence_name(found: HubRevision) -> str:
    licence = found.card.get("license") or "unknown"
    return str(found.card.get("license_name") or licence if licence == "other" else licence)


def _first(value: Any) -> str:
    return many(value)[0] if many(value) else ""
