"""The lock file of a model: which bytes, under which licence, of which architecture."""

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError, model_validator

from components.model.architecture import Architecture, Positive
from components.model.licence import Terms
from components.settings.common import SECTION, Sha256
from components.settings.errors import SettingsError, problem_line

# Formats that run code when they are loaded, and code itself.
REFUSED_SUFFIXES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py", ".pyc", ".so")
MANIFEST: Final = "manifest.json"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,61}[a-z0-9]$")]
QuantisationMethod = Literal[
    "none", "awq", "gptq", "fp8", "mxfp4", "compressed-tensors", "gguf-q4_0", "gguf-q4_1", "gguf-q4_k_m", "gguf-q8_0"
]


def _full_revision(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        raise ValueError(
            f"{text!r} is not a full revision; a branch, tag or short hash can move: give all 40 hex digits"
        )
    return text


def _safe_path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or str(path) != text or "\\" in text or text == MANIFEST:
        raise ValueError(f"{text!r} is not a plain relative path; write it like 'model.safetensors'")
    if path.suffix.lower() in REFUSED_SUFFIXES:
        raise ValueError(f"{text!r} may run code when it is loaded; lock the safetensors or GGUF files only")
    return text


class Source(BaseModel):
    """Where the files come from."""

    model_config = SECTION

    kind: Literal["hub", "folder"]
    note: str = ""


class Licence(BaseModel):
    """The licence's SPDX id (or the publisher's own name for it) and what it asks, in one word."""

    model_config = SECTION

    id: Annotated[str, Field(min_length=1)]
    terms: Terms


class Quantisation(BaseModel):
    """How the weights are stored."""

    model_config = SECTION

    method: QuantisationMethod
    bits: Literal[4, 8, 16, 32]


class LockedFile(BaseModel):
    """One file; size and digest are null only in a lock that says it is incomplete."""

    model_config = SECTION

    path: Annotated[str, Field(min_length=1), AfterValidator(_safe_path)]
    size_bytes: Annotated[int, Field(ge=0)] | None
    sha256: Sha256 | None


class Card(BaseModel):
    """What the publisher says of the model; empty where nothing is said.

    Attributes:
        training_data: datasets, or the card's statement.
        evaluation: published results.
        ai_act: what the card says for the EU AI Act's rules on general-purpose models (Article 53).
    """

    model_config = SECTION

    languages: tuple[str, ...] = ()
    intended_use: str = ""
    limitations: str = ""
    training_data: str = ""
    evaluation: str = ""
    ai_act: str = ""


class ModelLock(BaseModel):
    """One model, pinned: every byte that an engine will read, and what may be done with it.

    `code_left_out` is Python code that the checkpoint names for itself (`auto_map`): it is not among the files, and no
    engine runs it. `complete: false` with a reason marks a lock whose digests nobody has seen yet: it sizes and plans,
    `cloister model complete` fills them in, and no stack serves it before.
    """

    model_config = SECTION

    name: Name
    repository: Annotated[str, Field(min_length=1)]
    revision: Annotated[str, AfterValidator(_full_revision)] | None
    source: Source
    complete: bool = True
    incomplete_reason: str = ""
    licence: Licence
    gated: bool = False
    base_model: str = ""
    format: Literal["safetensors", "gguf"]
    quantisation: Quantisation
    dtype: Literal["bfloat16", "float16", "float32"]
    files: tuple[LockedFile, ...]
    weights_bytes: Positive
    architecture: Architecture
    chat_template: bool
    code_left_out: tuple[str, ...] = ()
    card: Card = Card()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        paths = [file.path for file in self.files]
        if len(set(paths)) < len(paths):
            raise ValueError("a path occurs twice under files; keep one entry")
        if self.complete:
            if self.revision is None or not self.files:
                raise ValueError("a complete lock has a revision and files; else set complete: false and give a reason")
            if open_files := [file.path for file in self.files if file.sha256 is None or file.size_bytes is None]:
                raise ValueError(f"{open_files[0]!r} has no size or digest; else set complete: false and give a reason")
            stored = sum(file.size_bytes or 0 for file in self.files)
            if self.weights_bytes > stored:
                raise ValueError(f"weights_bytes '{self.weights_bytes}' exceeds the files' sum of {stored}")
            if not any(path.endswith(f".{self.format}") for path in paths):
                raise ValueError(f"format is {self.format!r} but no file ends in .{self.format}")
        elif not self.incomplete_reason:
            raise ValueError("complete is false; say why under incomplete_reason")
        return self


def load_lock(path: Path) -> ModelLock:
    """The lock of a file.

    Raises:
        SettingsError: the file is missing, is not YAML, or holds problems; all of them at once.
        OSError: the file exists and cannot be read.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(path.name, ["no such file; `cloister model lock` writes one"]) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(path.name, [f"not YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(document, dict):
        raise SettingsError(path.name, ["not a mapping; `cloister model lock` writes one"])
    try:
        lock = ModelLock.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        problems = [problem_line(".".join(map(str, item["loc"])) or "lock", item) for item in error.errors()]
        raise SettingsError(path.name, problems) from None
    if lock.name != path.name.removesuffix(".lock.yaml"):
        raise SettingsError(path.name, [f"name: {lock.name!r} differs from the file's name; make them equal"])
    return lock


def dump(lock: ModelLock) -> str:
    """The lock as the text of its file; `load_lock` reads it back unchanged."""
    data = lock.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def require_complete(lock: ModelLock) -> None:
    """Nothing is served of which the bytes are not known.

    Raises:
        SettingsError: the lock is incomplete.
    """
    if not lock.complete:
        way_out = f"`cloister model complete {lock.name}`, where the Hub can be reached, fills in the digests"
        raise SettingsError(f"models/{lock.name}.lock.yaml", [f"complete: false, so it is incomplete; {way_out}"])


def manifest(lock: ModelLock) -> bytes:
    """The manifest that lies beside the weights: a function of the lock alone, so its digest can be trusted.

    Raises:
        SettingsError: the lock is incomplete.
    """
    require_complete(lock)
    files = [
        {"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256}
        for file in sorted(lock.files, key=lambda file: file.path)
    ]
    document = {"files": files, "format": lock.format, "name": lock.name, "revision": lock.revision, "version": 1}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def manifest_sha256(lock: ModelLock) -> str:
    """Digest of the manifest: what the loader is told to expect.

    Raises:
        SettingsError: the lock is incomplete.
    """
    return hashlib.sha256(manifest(lock)).hexdigest()


def folder_revision(files: tuple[LockedFile, ...]) -> str:
    """A revision for files that no hub has numbered: the start of the digest over their sorted `sha256  path` lines."""
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256(lines.encode()).hexdigest()[:40]
