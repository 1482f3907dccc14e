"""What every engine's pod has: no root, no capabilities, a read-only file system, scratch folders of limited size."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

from pulumi_kubernetes.core import v1 as core

from components.model.lock import ModelLock

GIB: Final = 2**30
SCRATCH: Final = "4Gi"
SHARED_MEMORY: Final = "/dev/shm"

VOLUME_GROUP: Final = 2000
"""Owns what is mounted. One for all engines: pods of different models share a node's folder of weights."""
LOADER_USER: Final = 2000
"""Likewise: a loader locks and removes what the loader of another pod wrote."""


def container_security(user: int | None = None) -> core.SecurityContextArgs:
    """The container's half of the "restricted" standard, and a root file system that nobody writes.

    Args:
        user: None leaves it to the pod.
    """
    return core.SecurityContextArgs(
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        run_as_non_root=True,
        run_as_user=user,
        capabilities=core.CapabilitiesArgs(drop=["ALL"]),
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
    )


def pod_security(user: int, group: int) -> core.PodSecurityContextArgs:
    """The pod's half of the "restricted" standard."""
    return core.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=group,
        fs_group=VOLUME_GROUP,
        # Otherwise each start would walk through all weights of the node.
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
    )


def environment(variables: Mapping[str, str]) -> list[core.EnvVarArgs]:
    """Plain variables, none of them secret."""
    return [core.EnvVarArgs(name=name, value=value) for name, value in variables.items()]


def empty_dirs(paths: Sequence[str], *, gpus: int) -> list[tuple[core.VolumeArgs, core.VolumeMountArgs]]:
    """A scratch folder for each path, and shared memory for the engine's worker processes."""
    volumes = [
        (
            core.VolumeArgs(name=_name(path), empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=SCRATCH)),
            core.VolumeMountArgs(name=_name(path), mount_path=path),
        )
        for path in paths
    ]
    shared = core.EmptyDirVolumeSourceArgs(medium="Memory", size_limit=f"{shared_memory_gib(gpus)}Gi")
    return [
        *volumes,
        (
            core.VolumeArgs(name="shared-memory", empty_dir=shared),
            core.VolumeMountArgs(name="shared-memory", mount_path=SHARED_MEMORY),
        ),
    ]


def patient(asked: core.HTTPGetActionArgs, seconds: int) -> core.ProbeArgs:
    """A startup probe that waits so long; what comes after it need not be patient."""
    return core.ProbeArgs(http_get=asked, period_seconds=5, timeout_seconds=5, failure_threshold=ceil(seconds / 5))


def shared_memory_gib(gpus: int) -> int:
    """NCCL and the worker queues need more with every further GPU."""
    return 1 if gpus == 1 else 2 * gpus


def engine_memory_gib(lock: ModelLock, gpus: int) -> int:
    """Main memory: a process for each GPU and one for the API, shared memory, and the largest file while it is read."""
    largest = max((file.size_bytes or 0 for file in lock.files), default=0)
    return 4 + 3 * gpus + shared_memory_gib(gpus) + ceil(largest / GIB)


def _name(path: str) -> str:
    return "scratch" + path.replace("/", "-")
