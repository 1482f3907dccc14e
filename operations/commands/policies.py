"""`cloister policies`: what the policy pack says, for people, scripts and code hosts."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from components.settings.load import stack_names
from operations.commands.options import AsJson, print_json
from operations.errors import CommandError
from operations.files import write_whole

app = typer.Typer(help="The policy pack, without engine or account.", no_args_is_help=True)


@app.callback()
def _policies() -> None:
    """Keeps `check` a word of its own while it is the only command here."""


@app.command()
def check(
    stack: Annotated[list[str] | None, typer.Option("--stack", help="A stack; every one when left out.")] = None,
    without: Annotated[list[str] | None, typer.Option("--without", help="But not this one.")] = None,
    state: Annotated[
        list[Path] | None, typer.Option("--state", help="Instead a file of `pulumi stack export`: what is deployed.")
    ] = None,
    estate: Annotated[Path | None, typer.Option(help="Instead of policies/estate.yaml.")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Write the findings for code hosts.", dir_okay=False)] = None,
    junit: Annotated[Path | None, typer.Option(help="Write them as test results.", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Plan stacks in this process, or read their exported states, and refuse what the mandatory policies refuse.

    Exits with 1 when anything is refused. A stack whose settings have problems cannot be deployed and is told, not
    judged; it is a refusal where --stack names it.
    """
    from operations.policy_check import (
        Checked,
        Unplanned,
        check_exemptions,
        check_stacks,
        check_state,
        estate_of,
    )
    from operations.policy_reports import junit as as_junit
    from operations.policy_reports import sarif as as_sarif

    if state and (stack or without):
        raise CommandError("--state stands alone: a state is of the stack that it was exported from")
    known = stack_names()
    for name in (*(stack or ()), *(without or ())):
        if name not in known:
            raise CommandError(f"{name!r}: no such stack file; the stacks are {', '.join(known)}")
    owner = estate_of(estate)
    results: list[Checked | Unplanned] = []
    if state:
        results += [check_state(path, owner) for path in state]
    else:
        wanted = [name for name in stack or known if name not in (without or ())]
        results += check_stacks(wanted, owner, lambda name: print(f"{name}: planning", file=sys.stderr))
        if not stack:
            results.append(check_exemptions(owner, known, str(estate or "policies/estate.yaml")))
    if sarif is not None:
        _written(sarif, json.dumps(as_sarif(results), indent=2) + "\n", "--sarif")
    if junit is not None:
        _written(junit, as_junit(results), "--junit")
    if as_json:
        print_json(results)
    else:
        for result in results:
            _show(result)
    refused = [result for result in results if isinstance(result, Checked) and result.broken]
    if refused or (stack and any(isinstance(result, Unplanned) for result in results)):
        raise typer.Exit(1)


def _show(result: object) -> None:
    from operations.policy_check import Checked, Unplanned

    if isinstance(result, Unplanned):
        print(f"{result.stack}: not planned, so not judged and not deployable\n  {result.why}")
        return
    assert isinstance(result, Checked)
    verdict = f"{len(result.broken)} refused" if result.broken else "nothing refused"
    print(f"{result.stack}: {result.resources} resources, {verdict}, {result.seconds:.1f} s")
    for notice in result.notices:
        print(f"  exempt: {notice}")
    for broken in result.broken:
        print("  " + broken.details.replace("\n", "\n  "))
        if broken.urn:
            print(f"    {broken.urn}")


def _written(path: Path, text: str, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise CommandError(f"{option} {str(path)!r}: {error.strerror}; name a file that can be written") from None
