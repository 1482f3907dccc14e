"""The `cloister` command: its verbs, and what its exit codes mean."""

import sys
from typing import Annotated

import typer

from components.settings.errors import SettingsError
from operations.commands import gateway, images, model, network, policies, prices, rehearse, token
from operations.commands.advise import advise
from operations.commands.options import print_json
from operations.commands.size import size
from operations.errors import CommandError

app = typer.Typer(
    name="cloister",
    help="Private LLM inference that never leaves the EU. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rehearse.app, name="rehearse")
app.add_typer(model.app, name="model")
app.add_typer(images.app, name="images")
app.add_typer(token.app, name="token")
app.add_typer(gateway.app, name="gateway")
app.add_typer(network.app, name="network")
app.add_typer(policies.app, name="policies")
app.add_typer(prices.app, name="prices")
app.command()(size)
app.command()(advise)


@app.command("kubernetes-token")
def kubernetes_token(
    cluster: Annotated[str, typer.Option(help="Name of the EKS cluster.")],
    region: Annotated[str, typer.Option(help="Its region.")],
) -> None:
    """Print credentials for the cluster's API, for the `exec` entry of a kubeconfig; valid for 14 minutes."""
    from operations.kubernetes_token import token as credentials

    print_json(credentials(cluster, region))


def main() -> None:
    """Run the command; a refusal is one message on standard error and exit code 1, never a traceback."""
    try:
        app()
    except (CommandError, SettingsError) as refusal:
        print(f"cloister: {refusal}", file=sys.stderr)
        sys.exit(1)
