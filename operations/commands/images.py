"""`cloister images`: which images may run."""

import typer

from operations.commands.options import Stack
from operations.errors import CommandError

app = typer.Typer(help="The images that may run, by digest.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The images that may run, by digest."""


@app.command()
def lock(stack: Stack) -> None:
    """Write the digests that an images stack pushed into its lock file, for a person to review and commit."""
    from components.settings.layer import ImagesSettings
    from components.settings.load import ROOT, load_stack
    from operations.deployed import outputs
    from operations.images_lock import pin

    settings = load_stack(stack)
    if not isinstance(settings, ImagesSettings):
        raise CommandError(f"stack {stack!r} is of layer {settings.layer}; name an images stack")
    changed = pin(ROOT / settings.images, outputs(stack)["digests"])
    print(f"{settings.images}: {', '.join(changed) or 'nothing'} changed")
