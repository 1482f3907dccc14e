"""What a newer revision of a model changes, before anybody serves it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.model.lock import LockedFile, ModelLock

TEMPLATES = ("chat_template.jinja", "tokenizer_config.json")
"""Files that hold the chat template: another one changes every prompt."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that changes.

    Attributes:
        what: such as `licence` or `files`.
        weight: `look` for what a person has to read before the new revision answers anybody, else `note`.
    """

    what: str
    before: str
    after: str
    weight: str


def differences(old: ModelLock, new: ModelLock) -> tuple[Difference, ...]:
    """Everything between two revisions of one model, what needs a person first."""
    found = [*_terms(old, new), *_numbers(old, new), *_files(old, new)]
    return tuple(sorted(found, key=lambda one: one.weight != "look"))


def _terms(old: ModelLock, new: ModelLock) -> Iterator[Difference]:
    if old.revision != new.revision:
        yield _note("revision", old.revision or "-", new.revision or "-")
    for name in ("id", "terms"):
        before, after = getattr(old.licence, name), getattr(new.licence, name)
        if before != after:
            yield _look(f"licence {name}", before, after)
    if old.gated != new.gated:
        yield _look("gated", old.gated, new.gated)
    if old.base_model != new.base_model:
        yield _note("base model", old.base_model, new.base_model)
    for name in ("languages", "intended_use", "limitations", "training_data", "evaluation", "ai_act"):
        before, after = getattr(old.card, name), getattr(new.card, name)
        if before != after and (old.complete or before):
            yield _note(f"card: {name.replace('_', ' ')}", before or "-", after or "-")


def _numbers(old: ModelLock, new: ModelLock) -> Iterator[Difference]:
    for name in ("format", "dtype"):
        if getattr(old, name) != getattr(new, name):
            yield _look(name, getattr(old, name), getattr(new, name))
    if old.quantisation != new.quantisation:
        yield _look(
            "quantisation", *(f"{lock.quantisation.method} {lock.quantisation.bits} bit" for lock in (old, new))
        )
    if old.weights_bytes != new.weights_bytes:
        yield _look("weights", f"{old.weights_bytes / 1e9:.2f} GB", f"{new.weights_bytes / 1e9:.2f} GB")
    numbers, others = old.architecture.model_dump(), new.architecture.model_dump()
    for name in numbers:
        if numbers[name] != others[name]:
            yield _look(f"architecture: {name}", numbers[name], others[name])
    if old.chat_template != new.chat_template:
        yield _look("chat template", old.chat_template, new.chat_template)
    if old.code_left_out != new.code_left_out and (old.complete or old.code_left_out):
        yield _look("code left out", ", ".join(old.code_left_out) or "-", ", ".join(new.code_left_out) or "-")


def _files(old: ModelLock, new: ModelLock) -> Iterator[Difference]:
    if not old.files:  # an incomplete lock has nothing to compare
        return
    before, after = ({file.path: file for file in lock.files} for lock in (old, new))
    for path in sorted({*before, *after}):
        if before.get(path) == after.get(path):
            continue
        told = _told(before.get(path)), _told(after.get(path))
        serious = path in TEMPLATES or PurePosixPath(path).suffix in (".safetensors", ".gguf")
        yield (_look if serious else _note)(f"file {path}", *told)


def _told(file: LockedFile | None) -> str:
    if file is None:
        return "-"
    return f"{file.size_bytes} bytes, sha256 {(file.sha256 or 'not known')[:12]}"


def _look(what: str, before: object, after: object) -> Difference:
    return Difference(what=what, before=str(before), after=str(after), weight="look")


def _note(what: str, before: object, after: object) -> Difference:
    return Difference(what=what, before=str(before), after=str(after), weight="note")
