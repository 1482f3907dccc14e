"""What every container on a host is denied."""

from collections.abc import Sequence
from typing import Final

import pulumi_docker as docker

DROP_ALL: Final = docker.ContainerCapabilitiesArgs(drops=["ALL"])
NO_NEW_PRIVILEGES: Final = ["no-new-privileges:true"]


def scratch(*paths: str) -> dict[str, str]:
    """Folders in memory, gone with the container, from which no program runs."""
    return {path: "rw,noexec,nosuid,nodev,size=64m,mode=1777" for path in paths}


def workspace(paths: Sequence[str]) -> dict[str, str]:
    """Folders in memory where an engine compiles kernels and runs them; they count towards its memory limit."""
    return {path: "rw,exec,nosuid,nodev,size=4g,mode=1777" for path in paths}
