"""Stacks of the rehearsal, through the Automation API: deployed with the policies, recovered, destroyed."""

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pulumi import automation as auto
from pulumi.automation.events import EngineEvent, OpType

from operations.console import Console
from operations.errors import CommandError
from sandbox import processes
from sandbox.places import REPOSITORY, rehearsal_folder

POLICIES: Final = "policies"
_NOT_THERE: Final = (OpType.REFRESH, OpType.DELETE, OpType.DELETE_REPLACED, OpType.CREATE_REPLACEMENT)
"""Steps after which a resource is gone, or which another step of the same resource follows."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What one `pulumi up` did: resources by type, changes by kind, and the stack's outputs."""

    stack: str
    resources: Counter[str]
    changes: Counter[str]
    outputs: dict[str, Any]
    seconds: float

    @property
    def changed(self) -> int:
        """How many resources were created, updated, replaced or deleted."""
        return sum(count for kind, count in self.changes.items() if kind != "same")


@dataclass
class _Watch:
    """Follows the engine's events: counts what is done, and keeps what a person must see."""

    console: Console
    stack: str
    resources: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            name = event.resource_pre_event.metadata.urn.rsplit("::", 1)[-1]
            self.console.progress(f"{self.stack}: {sum(self.resources.values())} resources done, now {name}")
        elif event.res_outputs_event and event.res_outputs_event.metadata.op not in _NOT_THERE:
            self.resources[event.res_outputs_event.metadata.type] += 1
        elif event.policy_event:
            policy = event.policy_event
            if policy.enforcement_level == "mandatory":
                self.findings.append(f"{policy.resource_urn}: {policy.message.strip()}")
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self.errors.append(event.diagnostic_event.message.strip())
        elif event.summary_event:
            self.changes.update({str(kind): count for kind, count in event.summary_event.resource_changes.items()})


def up(stack: str, console: Console, *, refresh: bool = False) -> Deployment:
    """Deploy a stack with the mandatory policies, whatever an earlier run left half done.

    Args:
        stack: its name.
        console: told what is being done.
        refresh: look first what became of the stack's resources, for those that end without Pulumi.

    Raises:
        CommandError: Pulumi refused or failed; its whole output lies in the log that the message names.
    """
    started = time.monotonic()
    with _failures(stack, "up", console) as (watch, write):
        selected = _select(stack, console)
        result = selected.up(
            policy_packs=[str(REPOSITORY / POLICIES)],
            refresh=refresh,
            on_output=write,
            on_event=watch,
            color="never",
        )
    return Deployment(
        stack=stack,
        resources=watch.resources,
        changes=watch.changes,
        outputs={name: output.value for name, output in result.outputs.items()},
        seconds=time.monotonic() - started,
    )


def destroy(stack: str, console: Console) -> int:
    """Destroy a stack and forget it; returns how many resources it had. A stack that was never made has none.

    Raises:
        CommandError: Pulumi failed; its whole output lies in the log that the message names.
    """
    if not _known(stack):
        return 0
    with _failures(stack, "destroy", console) as (watch, write):
        selected = _select(stack, console)
        selected.destroy(on_output=write, on_event=watch, color="never")
        selected.workspace.remove_stack(stack, preserve_config=True)
    return watch.changes["delete"]


@contextmanager
def _failures(stack: str, verb: str, console: Console) -> Iterator[tuple[_Watch, Callable[[str], None]]]:
    """Keep everything that Pulumi prints in a log, and turn its failure into the few lines that matter."""
    watch = _Watch(console, stack)
    log = rehearsal_folder() / "log" / f"pulumi-{stack}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:

        def write(text: str) -> None:
            file.write(text if text.endswith("\n") else text + "\n")
            file.flush()

        try:
            yield watch, write
        except auto.CommandError as error:
            write(str(error))
            lines = list(dict.fromkeys([*watch.findings, *watch.errors])) or _tail(str(error))
            lines += _ended()
            shown = os.path.relpath(log)
            raise CommandError("\n  ".join([f"pulumi {verb} of {stack} failed (all of it: {shown})", *lines])) from None


def _ended() -> list[str]:
    """A line for each stand-in that has died meanwhile, with the way out."""
    alive = {process.name for process in processes.running()}
    return [
        f"{name} has ended meanwhile (.cloister/log/{name}.log); running again starts it and goes on from here"
        for name in ("aws-account", "etcd", "kube-apiserver")
        if name not in alive
    ]


def _tail(text: str, lines: int = 15) -> list[str]:
    return [line for line in text.splitlines() if line.strip()][-lines:]


def _known(stack: str) -> bool:
    return (rehearsal_folder() / "state" / ".pulumi" / "stacks" / "cloister" / f"{stack}.json").exists()


def _select(stack: str, console: Console) -> auto.Stack:
    """The stack, created if it is new; locks and pending operations of a killed run are cleared first."""
    for holder in clear_dead_locks(rehearsal_folder() / "state", stack):
        console.line(f"cleared the lock of process {holder}, which is gone")
    selected = auto.create_or_select_stack(stack_name=stack, work_dir=str(REPOSITORY))
    if pending := _pending(selected):
        console.line(f"an earlier run was killed while it worked on {', '.join(pending)}; looking what became of it")
        selected.refresh(clear_pending_creates=True, color="never")
    return selected


def _pending(stack: auto.Stack) -> list[str]:
    operations = (stack.export_stack().deployment or {}).get("pending_operations") or []
    return [operation["resource"]["urn"].rsplit("::", 1)[-1] for operation in operations]


def clear_dead_locks(state: Path, stack: str) -> list[int]:
    """Remove the locks of processes of this host that do not run any more; returns their process ids.

    A lock of another host, or of a process that runs, stays: Pulumi then says who holds it.

    Args:
        state: folder of Pulumi's file backend.
        stack: name of the stack.
    """
    cleared: list[int] = []
    for path in sorted((state / ".pulumi" / "locks").glob(f"**/cloister/{stack}/*.json")):
        try:
            lock = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            continue
        match lock:
            case {"hostname": host, "pid": int(pid)} if host == socket.gethostname() and not _is_pulumi(pid):
                path.unlink(missing_ok=True)
                cleared.append(pid)
    return cleared


def _is_pulumi(pid: int) -> bool:
    """Whether this process id belongs to a running Pulumi: an id may have been given to another program since."""
    try:
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0", 1)[0]
    except OSError:
        return False
