"""The long-running stand-ins of a rehearsal: the AWS account and the Kubernetes API."""

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import Final

from operations.console import Console
from operations.errors import CommandError
from operations.rehearse.environment import ACCOUNT_ID, REGION, variables, write_shell_file
from sandbox import kubernetes, processes
from sandbox.places import rehearsal_folder

ACCOUNT: Final = "aws-account"
_PREFERRED: Final = {"account": 44566, "webhook": 44567}


@dataclass(frozen=True, kw_only=True)
class _Ports:
    account: int
    webhook: int


def start(console: Console) -> None:
    """Start what does not run, and put the environment that leads to it into this process and into `.cloister/env`.

    Raises:
        CommandError: one of them did not start.
    """
    ports = _ports()
    environment = variables(ports.account)
    os.environ.update(environment)
    _start_account(ports)
    console.line(f"AWS account {ACCOUNT_ID} at {environment['AWS_ENDPOINT_URL']}")
    cluster = kubernetes.start(rehearsal_folder(), token_review_port=ports.webhook)
    console.line(f"Kubernetes API at {cluster.endpoint}")
    # The account's process forgets when it ends; the provider knows what there was.
    console.line(_provider("restore"))
    console.line(_provider("nodes"))
    path = write_shell_file(environment)
    console.line(f"the same environment for your own shell: source {os.path.relpath(path)}")


def _ports() -> _Ports:
    """Ports that were chosen once stay: stacks and shells remember them."""
    path = rehearsal_folder() / "aws" / "ports.json"
    if path.exists():
        return _Ports(**json.loads(path.read_text(encoding="utf-8")))
    ports = _Ports(**{role: processes.free_port(port) for role, port in _PREFERRED.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(vars(ports)), encoding="utf-8")
    return ports


def _start_account(ports: _Ports) -> None:
    runs = any(process.name == ACCOUNT for process in processes.running())
    if not runs:
        for port, purpose in ((ports.account, "the AWS account"), (ports.webhook, "the token webhook")):
            processes.require_port(port, purpose)
    url = f"http://127.0.0.1:{ports.account}/cloister/instance"

    def ready() -> bool:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)

    argv = [sys.executable, "-m", "sandbox.aws_account", "--port", str(ports.account)]
    argv += ["--state", str(rehearsal_folder() / "aws"), "--token-webhook-port", str(ports.webhook), "--region", REGION]
    processes.start(ACCOUNT, argv, ready=ready, timeout=60)


def _provider(verb: str) -> str:
    """Run one of the AWS provider's own commands and return what it says."""
    command = [sys.executable, "-m", "sandbox.providers.aws", verb]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise CommandError(f"the stand-in of AWS could not {verb} what it kept: {_last_line(done.stderr)}")
    return done.stdout.strip()


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def stop() -> list[str]:
    """End everything of the rehearsal that runs; returns the names."""
    return processes.stop_all()
