"""`cloister model`: lock files, and the weights that they name."""

from pathlib import Path
from typing import Annotated

import typer

from components.model.lock import ModelLock, dump, load_lock
from components.settings.checks import lock_path
from components.settings.load import ROOT, load_stack
from operations.commands.options import AsJson, Stack, print_json
from operations.errors import CommandError

app = typer.Typer(help="Pin models, bring their weights into the cache, check them there.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the lock file: models/<name>.lock.yaml.")]
Folder = Annotated[
    Path | None,
    typer.Option("--from-folder", exists=True, file_okay=False, help="Take the files from here, not from the Hub."),
]


@app.command()
def lock(
    repository: Annotated[str, typer.Argument(help="Repository on the Hub: owner/name.")],
    name: Annotated[str, typer.Option(help="Name of the lock file to write.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; the newest commit otherwise.")] = None,
    from_folder: Folder = None,
    licence: Annotated[str | None, typer.Option(help="SPDX id; needed with --from-folder.")] = None,
    note: Annotated[str, typer.Option(help="Where a folder's files come from, for people.")] = "",
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="config.json of a folder without one.")
    ] = None,
    weights: Annotated[str, typer.Option(help="Which weights, when a repository has several.")] = "*.safetensors",
) -> None:
    """Pin a model: the commit, every file with size and sha256, the licence, and the numbers that memory depends on."""
    from huggingface_hub import HfApi

    from operations.model_lock import lock_from_folder, lock_from_hub

    if from_folder is not None:
        if licence is None:
            raise typer.BadParameter("--from-folder needs --licence: a folder does not say its terms")
        made = lock_from_folder(from_folder, name, repository=repository, licence=licence, note=note, config=config)
    else:
        made = lock_from_hub(repository, revision, name, client=HfApi(), weights=weights)
    path = lock_path(name, ROOT)
    path.parent.mkdir(exist_ok=True)
    path.write_text(dump(made), encoding="utf-8")
    print(
        f"{path.relative_to(ROOT)}: {repository} at {made.revision}, {len(made.files)} files, licence {made.licence.id}"
    )


@app.command()
def push(
    name: Name,
    stack: Stack,
    from_folder: Folder = None,
    bandwidth: Annotated[float | None, typer.Option(min=0.1, metavar="MIB/S", help="At most so fast.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the locked files into the weight cache of a platform stack, every sha256 checked; run again to resume."""
    import boto3

    from operations.console import Console
    from operations.deployed import outputs
    from operations.model_push import folder_source, hub_source
    from operations.model_push import push as push_model

    region = load_stack(stack).region
    model = _load(name)
    source = folder_source(from_folder) if from_folder else hub_source(model)
    console = Console()
    result = push_model(
        model,
        source,
        outputs(stack)["weight_cache_bucket_name"],
        boto3.client("s3", region_name=region),
        progress=console.progress,
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


@app.command()
def verify(
    name: Name,
    stack: Annotated[str | None, typer.Option(help="Check the weight cache of this platform stack.")] = None,
    folder: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Check this folder.")] = None,
    read_all: Annotated[
        bool, typer.Option(help="Read every byte in the bucket instead of trusting what the push recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare a bucket or a folder with the lock file; exits with 1 and every difference if there is one."""
    import boto3

    from components.model.files import folder_problems
    from operations.deployed import outputs
    from operations.model_verify import verify_bucket

    if (stack is None) == (folder is None):
        raise typer.BadParameter("name either --stack or --folder")
    model = _load(name)
    if folder is not None:
        problems = folder_problems(model, folder)
    else:
        assert stack is not None
        s3 = boto3.client("s3", region_name=load_stack(stack).region)
        problems = verify_bucket(model, outputs(stack)["weight_cache_bucket_name"], s3, read_all=read_all)
    if as_json:
        print_json({"model": name, "problems": problems})
        if problems:
            raise typer.Exit(1)
    elif problems:
        raise CommandError("\n  ".join([f"{name}: {len(problems)} differences from its lock file", *problems]))
    else:
        print(f"{name}: {len(model.files)} files are what the lock file says")


@app.command()
def prune(
    stack: Stack,
    keep: Annotated[int, typer.Option(min=0, help="Of each model, so many of the newest revisions stay.")] = 2,
    older_than_days: Annotated[float, typer.Option(min=0, help="Of the others, younger ones stay.")] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what would be deleted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old revisions from the weight cache of a platform stack; what any stack file names always stays."""
    from datetime import UTC, datetime

    import boto3

    from operations.deployed import outputs
    from operations.model_prune import judge, named_revisions, remove, stored_revisions

    named = named_revisions(ROOT)
    s3 = boto3.client("s3", region_name=load_stack(stack).region)
    bucket = outputs(stack)["weight_cache_bucket_name"]
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


@app.command()
def complete(name: Name) -> None:
    """Fill in the digests that a lock file lacks, from the Hub; what a person wrote into it stays."""
    from huggingface_hub import HfApi

    from operations.model_lock import complete as completed

    model = _load(name)
    if model.complete:
        print(f"{name}: complete already")
        return
    done = completed(model, client=HfApi())
    lock_path(name, ROOT).write_text(dump(done), encoding="utf-8")
    print(f"{name}: {len(done.files)} files of {done.repository} at {done.revision} have their digests now")


def _load(name: str) -> ModelLock:
    path = lock_path(name, ROOT)
    if not path.exists():
        raise CommandError(f"models/{path.name}: no such lock file; `cloister model lock` writes one")
    return load_lock(path)
