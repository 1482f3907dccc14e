"""The `cloister` command: its verbs, their help, and what its exit codes mean."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from components.settings.errors import SettingsError
from operations.errors import CommandError

app = typer.Typer(
    name="cloister",
    help="Private LLM inference that never leaves the EU. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
model_app = typer.Typer(help="Pin models, bring their weights into the cache, check them there.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens of clients: issued, listed, inspected, revoked.", no_args_is_help=True)
rehearse_app = typer.Typer(help="The whole main job on this machine, with stand-ins for AWS and Docker.", no_args_is_help=True)
app.add_typer(model_app, name="model")
app.add_typer(token_app, name="token")
app.add_typer(rehearse_app, name="rehearse")

Stack = Annotated[str, typer.Option("--stack", help="Name of the stack, as in stacks/Pulumi.<stack>.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]


def main() -> None:
    """Run the command; a refusal is one message on standard error and exit code 1, never a traceback."""
    try:
        app()
    except (CommandError, SettingsError) as refusal:
        print(f"cloister: {refusal}", file=sys.stderr)
        sys.exit(1)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, default=str))


@rehearse_app.command("up")
def rehearse_up(
    engine: Annotated[str, typer.Option(help="Engine that answers on the edge: llama-cpp, or vllm (its CPU build).")] = "llama-cpp",
) -> None:
    """Bring everything up, ask a question, check the refusals, and say what there is now."""
    from operations.rehearse.run import rehearse

    rehearse(engine)


@rehearse_app.command("stop")
def rehearse_stop() -> None:
    """End every process of the rehearsal; what it made stays, and `rehearse up` brings it back."""
    from operations.rehearse.run import stop

    stop()


@rehearse_app.command("destroy")
def rehearse_destroy() -> None:
    """`pulumi destroy` of every rehearsal stack, then end the processes."""
    from operations.rehearse.run import destroy

    destroy()


@app.command("kubernetes-token")
def kubernetes_token(
    cluster: Annotated[str, typer.Option(help="Name of the EKS cluster.")],
    region: Annotated[str, typer.Option(help="Its region.")],
) -> None:
    """Print credentials for the cluster's API, for the `exec` entry of a kubeconfig; valid for 14 minutes."""
    from operations.kubernetes_token import token

    _print_json(token(cluster, region))
