"""`cloister rehearse`: the whole main job on this machine."""

from typing import Annotated

import typer

app = typer.Typer(help="The whole main job on this machine, with stand-ins for AWS and Docker.", no_args_is_help=True)


@app.command()
def up(
    engine: Annotated[
        str, typer.Option(help="What answers on the edge: llama-cpp, or vllm (its CPU build).")
    ] = "llama-cpp",
) -> None:
    """Bring everything up, ask a question, check the refusals, and say what there is now."""
    from operations.rehearse.run import rehearse

    rehearse(engine)


@app.command()
def stop() -> None:
    """End every process of the rehearsal; what it made stays, and `rehearse up` brings it back."""
    from operations.rehearse import run

    run.stop()


@app.command()
def destroy() -> None:
    """Destroy every stack of the rehearsal with Pulumi, then end the processes."""
    from operations.rehearse import run

    run.destroy()
