"""What deployed stacks say of themselves: their outputs, read with the Pulumi CLI."""

import json
import subprocess
from typing import Any

from operations.errors import CommandError


def outputs(stack: str) -> dict[str, Any]:
    """Outputs of a stack in the backend that the environment names.

    Raises:
        CommandError: there is no Pulumi CLI, no such stack, or it was never deployed.
    """
    command = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        raise CommandError(
            "pulumi is not on PATH; install it, or run `source .cloister/env` to use the rehearsal's"
        ) from None
    except subprocess.TimeoutExpired:
        raise CommandError(
            f"cannot read the outputs of stack {stack!r}: pulumi says nothing; see PULUMI_BACKEND_URL"
        ) from None
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise CommandError(
            f"cannot read the outputs of stack {stack!r}: {reason}; run `pulumi up --stack {stack}` first"
        )
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise CommandError(f"cannot read the outputs of stack {stack!r}: pulumi printed no JSON; check it") from None
    if not found:
        raise CommandError(f"stack {stack!r} has no outputs yet; run `pulumi up --stack {stack}` first")
    return found
