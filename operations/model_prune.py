"""Removes old revisions from the weight cache by rule; what a stack file names stays, whatever the rule says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from components.model.loader import CACHED_MODELS, revision_prefix
from components.model.lock import MANIFEST, load_lock
from components.settings.checks import lock_path
from components.settings.load import load_stack, stack_names
from operations.errors import CommandError
from operations.weight_cache import refusal

DELETE_AT_ONCE: Final = 1000
Revision = tuple[str, str]
"""Name of a model, and the revision."""


@dataclass(frozen=True, kw_only=True)
class StoredRevision:
    """One revision in the bucket; `written` is when its newest object came."""

    model: str
    revision: str
    keys: tuple[str, ...]
    size_bytes: int
    written: datetime


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of one revision, and why."""

    revision: StoredRevision
    removed: bool
    reason: str


def named_revisions(root: Path) -> dict[Revision, str]:
    """Model and revision -> a stack whose file names them, through its lock file.

    Raises:
        SettingsError: a stack file or a lock file cannot be read; then nobody knows what it names.
    """
    named: dict[Revision, str] = {}
    for stack in stack_names(root):
        settings = load_stack(stack, root)
        models: Mapping[str, Any] = getattr(settings, "models", {})
        locks = [model.lock for model in models.values()] + [lock for lock in [getattr(settings, "lock", None)] if lock]
        for name in locks:
            lock = load_lock(lock_path(name, root))
            named.setdefault((lock.name, str(lock.revision)), stack)
    return named


def stored_revisions(bucket: str, s3: Any) -> list[StoredRevision]:
    """Every revision in the bucket, whole or not.

    Raises:
        CommandError: the bucket is missing or may not be read.
    """
    found: dict[Revision, list[dict[str, Any]]] = defaultdict(list)
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=CACHED_MODELS):
            for item in page.get("Contents", ()):
                model, _, rest = item["Key"].removeprefix(CACHED_MODELS).partition("/")
                revision, _, path = rest.partition("/")
                if path:
                    found[model, revision].append(item)
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"s3://{bucket}/{CACHED_MODELS}: {refusal(error)}") from None
    return [
        StoredRevision(
            model=model,
            revision=revision,
            keys=tuple(item["Key"] for item in items),
            size_bytes=sum(item["Size"] for item in items),
            written=max(item["LastModified"] for item in items),
        )
        for (model, revision), items in sorted(found.items())
    ]


def judge(
    stored: Iterable[StoredRevision],
    named: Mapping[Revision, str],
    *,
    keep: int,
    older_than_days: float,
    now: datetime,
) -> list[Verdict]:
    """What the rule says of each revision.

    Args:
        stored: what is in the bucket.
        named: what stack files name; always kept.
        keep: of each model, so many of the newest revisions stay.
        older_than_days: of the others, those stay that are younger.
        now: the time by which age is told.
    """
    by_model: dict[str, list[StoredRevision]] = defaultdict(list)
    for one in stored:
        by_model[one.model].append(one)
    limit = now - timedelta(days=older_than_days)
    verdicts = []
    for revisions in by_model.values():
        for place, one in enumerate(sorted(revisions, key=lambda one: one.written, reverse=True), start=1):
            if stack := named.get((one.model, one.revision)):
                verdicts.append(Verdict(revision=one, removed=False, reason=f"stack {stack} names it"))
            elif place <= keep:
                verdicts.append(Verdict(revision=one, removed=False, reason=f"one of the {keep} newest"))
            elif one.written > limit:
                verdicts.append(Verdict(revision=one, removed=False, reason=f"younger than {older_than_days:g} days"))
            else:
                reason = f"number {place} by age, {(now - one.written).days} days old, named by no stack"
                verdicts.append(Verdict(revision=one, removed=True, reason=reason))
    return verdicts


def remove(verdicts: Iterable[Verdict], bucket: str, s3: Any) -> int:
    """Deletes what was judged so, and gives the bytes; a bucket with versions keeps them for its `noncurrent_days`.

    The manifest goes first: whatever interrupts this, no loader takes half a model.

    Raises:
        CommandError: AWS refuses.
    """
    removed = 0
    for one in (verdict.revision for verdict in verdicts if verdict.removed):
        prefix = revision_prefix(one.model, one.revision)
        try:
            s3.delete_object(Bucket=bucket, Key=prefix + MANIFEST)
            for keys in _some(one.keys):
                answer = s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
                )
                if errors := answer.get("Errors"):
                    raise CommandError(f"s3://{bucket}/{errors[0]['Key']}: not deleted: {errors[0]['Code']}")
            for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
                for left in page.get("Uploads", ()):
                    s3.abort_multipart_upload(Bucket=bucket, Key=left["Key"], UploadId=left["UploadId"])
        except (ClientError, BotoCoreError) as error:
            raise CommandError(f"s3://{bucket}/{prefix}: {refusal(error)}") from None
        removed += one.size_bytes
    return removed


def _some(keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(keys), DELETE_AT_ONCE):
        yield keys[start : start + DELETE_AT_ONCE]
