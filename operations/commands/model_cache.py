"""`cloister model push`, `verify` and `prune`: the weights that lock files name, in a platform's weight cache."""

from pathlib import Path
from typing import Annotated

import typer

from components.settings.load import ROOT
from operations.commands.options import AsJson, Folder, LockName, Stack, print_json
from operations.errors import CommandError
from operations.locks import named_lock


def push(
    name: LockName,
    stack: Stack,
    from_folder: Folder = None,
    bandwidth: Annotated[float | None, typer.Option(min=0.1, metavar="MIB/S", help="At most so fast.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the locked files into the weight cache of a platform stack, every sha256 checked; run again to resume.

    Every object is encrypted with the platform's storage key, which the stack's outputs name.
    """
    from components.model.lock import require_complete
    from operations.console import Console
    from operations.model_push import folder_source, hub_source
    from operations.model_push import push as push_model
    from operations.weight_cache import cache_of, s3_of

    model = named_lock(name, ROOT)
    require_complete(model)
    source = folder_source(from_folder) if from_folder else hub_source(model)
    cache = cache_of(stack)
    console = Console()
    result = push_model(
        model,
        source,
        cache.bucket,
        s3_of(cache),
        progress=console.progress,
        kms_key_arn=cache.kms_key_arn,
        bytes_per_second=bandwidth * 2**20 if bandwidth else None,
    )
    if as_json:
        print_json(result)
        return
    console.line(
        f"{name}: {result.uploaded_files} files uploaded ({result.uploaded_bytes / 1e6:.0f} MB "
        f"in {result.seconds:.1f} s), {result.kept_files} were there"
        + (f", {result.resumed_bytes / 1e6:.0f} MB from an earlier push" if result.resumed_bytes else "")
    )


def verify(
    name: LockName,
    stack: Annotated[str | None, typer.Option(help="Check the weight cache of this platform stack.")] = None,
    folder: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Check this folder.")] = None,
    read_all: Annotated[
        bool, typer.Option(help="Read every byte in the bucket instead of trusting what the push recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare a bucket or a folder with the lock file; exits with 1 and every difference if there is one."""
    from components.model.files import folder_problems
    from components.model.lock import require_complete
    from operations.model_verify import verify_bucket
    from operations.weight_cache import cache_of, s3_of

    if (stack is None) == (folder is None):
        raise typer.BadParameter("name either --stack or --folder")
    model = named_lock(name, ROOT)
    require_complete(model)
    if folder is not None:
        problems = folder_problems(model, folder)
    else:
        assert stack is not None
        cache = cache_of(stack)
        problems = verify_bucket(model, cache.bucket, s3_of(cache), kms_key_arn=cache.kms_key_arn, read_all=read_all)
    if as_json:
        print_json({"model": name, "problems": problems})
        if problems:
            raise typer.Exit(1)
    elif problems:
        raise CommandError("\n  ".join([f"{name}: {len(problems)} differences from its lock file", *problems]))
    else:
        print(f"{name}: {len(model.files)} files are what the lock file says")


def prune(
    stack: Stack,
    keep: Annotated[int, typer.Option(min=0, help="Of each model, so many of the newest revisions stay.")] = 2,
    older_than_days: Annotated[float, typer.Option(min=0, help="Of the others, younger ones stay.")] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what would be deleted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old revisions from the weight cache of a platform stack; what any stack file names always stays."""
    from datetime import UTC, datetime

    from operations.model_prune import judge, named_revisions, remove, stored_revisions
    from operations.weight_cache import cache_of, s3_of

    named = named_revisions(ROOT)
    cache = cache_of(stack)
    bucket, s3 = cache.bucket, s3_of(cache)
    verdicts = judge(
        stored_revisions(bucket, s3), named, keep=keep, older_than_days=older_than_days, now=datetime.now(UTC)
    )
    removed = remove(verdicts, bucket, s3) if yes else 0
    if as_json:
        print_json({"removed_bytes": removed, "revisions": verdicts})
        return
    for verdict in verdicts:
        one, word = verdict.revision, ("removed" if yes else "would be removed") if verdict.removed else "kept"
        print(f"{one.model} {one.revision[:12]}  {one.size_bytes / 1e9:.2f} GB  {word}: {verdict.reason}")
    if any(verdict.removed for verdict in verdicts) and not yes:
        print("Nothing was deleted; say --yes to delete.")
