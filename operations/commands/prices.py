"""`cloister prices`: the catalogue of prices."""

import datetime
import sys
from typing import Annotated

import typer

from operations.commands.options import AsJson, print_json

app = typer.Typer(help="The catalogue of prices.", no_args_is_help=True)


@app.callback()
def _prices() -> None:
    """Keeps `refresh` a word of its own while it is the only command here."""


@app.command()
def refresh(
    region: Annotated[list[str] | None, typer.Option("--region", help="Only here; every EU region otherwise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rewrite components/catalog/data/prices.csv from AWS's price list; needs pricing:GetProducts."""
    import boto3

    from components.catalog import instances
    from components.catalog.regions import EU_REGIONS
    from operations.errors import CommandError
    from operations.prices_refresh import API_REGION
    from operations.prices_refresh import refresh as refreshed

    known = [name for name in EU_REGIONS if instances.offerings_known(name)]
    for name in region or ():
        if name not in known:
            raise CommandError(f"--region: {name!r} has no price list here; use one of {', '.join(known)}")
    found = refreshed(
        boto3.client("pricing", region_name=API_REGION),
        region or known,
        frozenset(instances.all_types()),
        datetime.date.today().isoformat(),
        lambda line: print(line, file=sys.stderr),
    )
    if as_json:
        print_json({"changes": found.changes, "confirmed": found.confirmed, "kept": found.kept})
        return
    for change in found.changes:
        before = "new" if change.before is None else f"was {change.before:g}"
        print(f"  {change.instance} in {change.region}: {change.after:g} USD an hour, {before}")
    print(f"{len(found.changes)} changed, {found.confirmed} confirmed, {found.kept} that AWS's list does not have kept")
