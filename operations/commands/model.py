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

    from operations.hub import left_out, look_up
    from operations.model_lock import lock_from_folder, lock_of

    if from_folder is not None:
        if licence is None:
            raise typer.BadParameter("--from-folder needs --licence: a folder does not say its terms")
        made = lock_from_folder(from_folder, name, repository=repository, licence=licence, note=note, config=config)
    else:
        found = look_up(HfApi(), repository, revision)
        made = lock_of(found, name, weights)
        for line in left_out(found.files, frozenset(file.path for file in made.files)):
            print(f"  left out: {line}")
    path = lock_path(name, ROOT)
    path.parent.mkdir(exist_ok=True)
    path.write_text(dump(made), encoding="utf-8")
    _say(made)
    print(f"{path.relative_to(ROOT)}: {repository} at {made.revision}, {len(made.files)} files")


@app.command()
def refresh(
    name: Name,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; the newest commit otherwise.")] = None,
    write: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write the newer revision as a lock file of its own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a newer revision of a locked model changes; nothing is written unless --write says so."""
    from huggingface_hub import HfApi

    from operations.hub import look_up
    from operations.model_lock import lock_of
    from operations.model_refresh import differences

    model = _load(name)
    if model.source.kind != "hub":
        raise CommandError(f"models/{name}.lock.yaml: comes from a folder; lock the folder again to compare")
    if write is not None and lock_path(write, ROOT).exists():
        raise CommandError(f"--write: models/{write}.lock.yaml exists; name another file, both revisions are needed")
    newer = lock_of(look_up(HfApi(), model.repository, revision), write or name)
    found = differences(model, newer)
    if write is not None:
        lock_path(write, ROOT).write_text(dump(newer), encoding="utf-8")
    if as_json:
        print_json({"model": name, "before": model.revision, "after": newer.revision, "differences": found})
        return
    for one in found:
        print(f"  {'!' if one.weight == 'look' else ' '} {one.what}: {one.before} -> {one.after}")
    if not found:
        print(f"{name}: nothing newer, {model.revision} is what the Hub has")
        return
    following = write or f"{name}-next"
    print(
        f"{name}: {len(found)} differences; read those with ! before it answers anybody. To try it beside the old one:"
    )
    if write is None:
        print(f"  cloister model refresh {name} --write {following}")
    print(f"  cloister model push {following} --stack <platform>")
    print(f"  a second entry under models: with lock: {following}, and one client that may use it")
    print("  compare, then give the first entry the new lock")


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Print the catalogue: licence, size, context, and the cheapest EU machine that holds each model."""
    from rich.console import Console
    from rich.table import Column, Table

    from operations.model_list import CONTEXT, listed

    rows = listed(load_lock(path) for path in sorted((ROOT / "models").glob("*.lock.yaml")))
    if as_json:
        print_json(rows)
        return
    table = Table(Column("model", no_wrap=True), "licence", "GB", "stored as", "context", "fits on", "USD/h", box=None)
    for row in rows:
        machine = row.smallest
        table.add_row(
            row.name + ("" if row.complete else " *"),
            row.licence if row.terms == "permissive" else f"{row.licence} ({row.terms})",
            f"{row.weights_gb:,.1f}",
            row.quantisation,
            f"{row.context:,}",
            "none" if machine is None else f"{machine.gpus} GPU of {machine.instance}, {machine.region}",
            "-" if machine is None else f"{machine.usd_per_hour:.2f}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"  Smallest: for requests of {CONTEXT:,} tokens, or what the model can. * without digests: not served yet."
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
    _say(done)
    print(f"{name}: {len(done.files)} files of {done.repository} at {done.revision} have their digests now")


def _say(lock: ModelLock) -> None:
    """What a person has to know of a new lock: the code that is left out, and what its licence asks."""
    from components.model.licence import licence_of

    for line in lock.code_left_out:
        print(f"  code left out, no engine runs it: {line}")
    known = licence_of(lock.licence.id)
    print(f"  licence {lock.licence.id}: {known.terms}: {known.asks}" + (f" ({known.source})" if known.source else ""))


def _load(name: str) -> ModelLock:
    path = lock_path(name, ROOT)
    if not path.exists():
        raise CommandError(f"models/{path.name}: no such lock file; `cloister model lock` writes one")
    return load_lock(path)
