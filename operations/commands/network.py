"""`cloister network`: what the sealed network is, and who reaches whom in it."""

from pathlib import Path
from typing import Annotated

import typer

from operations.commands.options import AsJson, print_json
from operations.errors import CommandError

app = typer.Typer(help="The sealed network: who reaches whom, and by what.", no_args_is_help=True)


@app.callback()
def _network() -> None:
    """Keeps `explain` a word of its own while it is the only command here."""


@app.command()
def explain(
    stack: Annotated[str, typer.Option("--stack", help="A platform stack.")],
    serving: Annotated[
        str | None, typer.Option(help="A serving stack on it: its NetworkPolicies are taken into account.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the network into this file.", dir_okay=False)] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Who calls: a place such as node or peer-apps, or an address.")
    ] = None,
    destination: Annotated[str | None, typer.Option("--to", help="Who is called: likewise.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="On which port.")] = None,
    protocol: Annotated[str, typer.Option(help="tcp or udp.")] = "tcp",
    name: Annotated[str | None, typer.Option(help="A host name that the caller has to resolve first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print address plan, endpoints and the reachability matrix of what a stack plans, or one verdict with its reasons.

    Nothing is deployed and no credentials are needed. A refusal of --from to --to exits with 1.
    """
    from operations.network_explain import Question, answer, planned_network
    from operations.network_explain import explain as explanation

    settings, network = planned_network(stack, serving)
    if svg is not None:
        from components.network.reachability.drawing import draw

        try:
            svg.write_text(draw(network, title=f"{stack} in {settings.region}"), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"--svg {str(svg)!r}: {error.strerror}; name a file that can be written") from None
    if source is None and destination is None and port is None:
        found = explanation(stack, settings, network)
        if as_json:
            print_json(found)
        else:
            from operations.network_tables import show

            show(found)
        return
    if source is None or destination is None or port is None:
        raise typer.BadParameter("one verdict needs --from, --to and --port")
    question = Question(source=source, destination=destination, port=port, protocol=protocol, name=name)
    result = answer(network, question)
    if as_json:
        print_json(result)
    else:
        print(f"{result.source} -> {result.destination} {protocol} {port}: {_word(result.verdict.allowed)}")
        for reason in result.verdict.by:
            print(f"  {reason}")
    if not result.verdict.allowed:
        raise typer.Exit(1)


def _word(allowed: bool) -> str:
    return "reaches it" if allowed else "refused; each of these alone suffices"
