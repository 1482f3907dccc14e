"""`cloister model`: lock files, and the weights that they name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from components.model.lock import ModelLock, load_lock
from components.settings.load import ROOT
from operations.commands.model_cache import prune, push, verify
from operations.commands.options import AsJson, Folder, LockName, print_json
from operations.errors import CommandError
from operations.locks import named_lock, require_free, write_lock

WIDEST = 160
"""Columns that the longest names of the catalogue take."""

app = typer.Typer(help="Pin models, bring their weights into the cache, check them there.", no_args_is_help=True)


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
    weights: Annotated[
        str | None, typer.Option(help="Which weights, when a repository has several: *.safetensors otherwise.")
    ] = None,
) -> None:
    """Pin a model: the commit, every file with size and sha256, the licence, and the numbers that memory depends on."""
    from huggingface_hub import HfApi

    from operations.hub import left_out, look_up
    from operations.model_lock import WEIGHTS, lock_from_folder, lock_of

    _suits(
        from_folder is not None,
        licence,
        {"--revision": revision, "--weights": weights},
        {"--config": config, "--note": note},
    )
    require_free(name, "--name", ROOT, repository)
    if from_folder is not None:
        assert licence is not None
        made = lock_from_folder(from_folder, name, repository=repository, licence=licence, note=note, config=config)
    else:
        found = look_up(HfApi(), repository, revision)
        made = lock_of(found, name, weights or WEIGHTS)
        for line in left_out(found.files, frozenset(file.path for file in made.files)):
            print(f"  left out: {line}")
    path = write_lock(made, ROOT)
    _say(made)
    print(f"{path.relative_to(ROOT)}: {repository} at {made.revision}, {len(made.files)} files")


@app.command()
def refresh(
    name: LockName,
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

    model = named_lock(name, ROOT)
    if model.source.kind != "hub":
        raise CommandError(f"models/{name}.lock.yaml: comes from a folder; lock the folder again to compare")
    if write is not None:
        require_free(write, "--write", ROOT)
    newer = lock_of(look_up(HfApi(), model.repository, revision), write or name)
    found = differences(model, newer)
    if write is not None:
        write_lock(newer, ROOT)
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
    heads = ("model", "licence", "GB", "stored as", "context", "fits on", "USD/h")
    table = Table(*(Column(head, no_wrap=True) for head in heads), box=None)
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
    # A narrow window wraps lines; no name is cut.
    wide = Console(highlight=False, width=max(Console().width, WIDEST))
    wide.print(table, crop=False, overflow="ignore", soft_wrap=True)
    print(f"  Smallest: for requests of {CONTEXT:,} tokens, or what the model can. * without digests: not served yet.")


@app.command()
def complete(name: LockName) -> None:
    """Fill in the digests that a lock file lacks, from the Hub; what a person wrote into it stays."""
    from huggingface_hub import HfApi

    from operations.model_lock import complete as completed

    model = named_lock(name, ROOT)
    if model.complete:
        print(f"{name}: complete already")
        return
    done = completed(model, client=HfApi())
    write_lock(done, ROOT)
    _say(done)
    print(f"{name}: {len(done.files)} files of {done.repository} at {done.revision} have their digests now")


def _suits(folder: bool, licence: str | None, of_hub: Mapping[str, object], of_folder: Mapping[str, object]) -> None:
    """Refuses options that would be left unheard."""
    if folder and not licence:
        raise typer.BadParameter("--from-folder needs --licence: a folder does not say its terms")
    for option, value in of_hub.items():
        if folder and value is not None:
            raise typer.BadParameter(f"{option} is for the Hub; a folder has its files and no others")
    for option, value in {**of_folder, "--licence": licence}.items():
        if not folder and value:
            raise typer.BadParameter(f"{option} is for --from-folder; the Hub says it itself")


def _say(lock: ModelLock) -> None:
    """What a person has to know of a new lock: the code that is left out, and what its licence asks."""
    from components.model.licence import licence_of

    for line in lock.code_left_out:
        print(f"  code left out, no engine runs it: {line}")
    known = licence_of(lock.licence.id)
    print(f"  licence {lock.licence.id}: {known.terms}: {known.asks}" + (f" ({known.source})" if known.source else ""))


for verb in (push, verify, prune):
    app.command()(verb)
