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
from operations.rehearse.environment import REGION, variables, write_shell_file
from sandbox import kubernetes, processes
from sandbox.places import rehearsal_folder
from sandbox.ports import is_free
from sandbox.token_review import ACCOUNT_ID

ACCOUNT: Final = "aws-account"
# Below the range that the kernel takes for outgoing connections, so that a kept port is still free tomorrow.
_CANDIDATES: Final = range(14566, 15000)


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
    """The ports of last time where nobody took them meanwhile: shells remember them."""
    path = rehearsal_folder() / "aws" / "ports.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if any(process.name == ACCOUNT for process in processes.running()):
        return _Ports(**kept)
    free = (port for port in _CANDIDATES if port not in kept.values() and is_free(port))
    ports = {
        role: kept[role] if role in kept and is_free(kept[role]) else next(free) for role in ("account", "webhook")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ports), encoding="utf-8")
    return _Ports(**ports)


def _start_account(ports: _Ports) -> None:
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


def forget_objects() -> None:
    """End the AWS account: when it is started again it has every resource, and no object in any bucket."""
    processes.stop(ACCOUNT)


def stop() -> list[str]:
    """End everything of the rehearsal that runs; returns the names."""
    return processes.stop_all()
