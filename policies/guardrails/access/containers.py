"""Docker containers and volumes on the edge: confined, and published on the machine only."""

from collections.abc import Iterator

from ..addresses import is_private_address
from ..findings import Resource, each, given
from ..pods import CONTAINER, engines
from ..rules import Rule, rule

_SOURCE = "https://docs.docker.com/engine/security/"


@rule(
    CONTAINER,
    fix="Publish on 127.0.0.1 or a private address by `ip`.",
    source="https://docs.docker.com/engine/network/port-publishing/",
    severity="critical",
)
def access_published_port_is_private(container: Resource) -> Iterator[str]:
    """A port is published on loopback or a private address only."""
    for path, port in each(container.props, "ports"):
        if not is_private_address(port.get("ip")):
            yield f"{path}.ip is {port.get('ip') or '0.0.0.0'!r}"
    if container.get("publishAllPorts"):
        yield "publishAllPorts is true"


@rule(
    CONTAINER,
    fix="Publish the gateway's port; it asks for tokens.",
    source="https://docs.vllm.ai/en/latest/usage/security.html",
    severity="critical",
)
def access_engine_is_not_published(container: Resource) -> Iterator[str]:
    """An engine publishes no port: callers go through the gateway."""
    if any(True for _ in engines(container)) and list(each(container.props, "ports")):
        yield "ports is not empty"


@rule(
    CONTAINER,
    fix="Remove the setting; drop ALL capabilities and set no-new-privileges:true.",
    source=_SOURCE,
    severity="critical",
)
def access_container_is_unprivileged(container: Resource) -> Iterator[str]:
    """A container is not privileged, keeps no capability and sees nothing of its host."""
    if container.get("privileged"):
        yield "privileged is true"
    for key in ("pidMode", "ipcMode", "usernsMode"):
        if container.get(key) == "host":
            yield f"{key} is host"
    if list(each(container.props, "capabilities.adds")):
        yield "capabilities.adds is not empty"
    if not {str(value).removeprefix("CAP_") for _, value in each(container.props, "capabilities.drops")} & {
        "ALL",
        "all",
    }:
        yield "capabilities.drops does not hold ALL"
    if not any(str(option).startswith("no-new-privileges") for _, option in each(container.props, "securityOpts")):
        yield "securityOpts does not hold no-new-privileges"
    if any(str(option).endswith("unconfined") for _, option in each(container.props, "securityOpts")):
        yield "securityOpts turns a protection off"


@rule(CONTAINER, fix="Set readOnly to true, or `user` to one that owns nothing in the image.", source=_SOURCE)
def access_container_root_is_read_only(container: Resource) -> Iterator[str]:
    """A container cannot change its image's files.

    Docker refuses uploads into a read-only root: a container that is given files so must run as a numbered user.
    """
    if container.get("readOnly") is True:
        return
    user = str(container.get("user") or "0").partition(":")[0]
    if given(container.props, "uploads") == 0 or not user.isdigit() or int(user) == 0:
        yield "readOnly is not true"


@rule(
    CONTAINER,
    "docker:index/volume:Volume",
    fix="Use a named local volume.",
    source="https://docs.docker.com/engine/storage/volumes/",
    severity="critical",
)
def access_container_mounts_no_host_control(resource: Resource) -> Iterator[str]:
    """No container mounts the Docker socket, system folders or a remote file system."""
    for path, leaf in resource.leaves:
        key = path.rpartition(".")[2]
        text = str(leaf)
        if key in ("hostPath", "source") and (
            text in ("/", "/etc", "/proc", "/sys", "/root", "/var/run") or "docker.sock" in text
        ):
            yield f"{path} is {text!r}"
    driver = resource.get("driver") if resource.type != CONTAINER else None
    if driver not in (None, "", "local"):
        yield f"driver is {driver!r}"
    if resource.type != CONTAINER and str((resource.get("driverOpts") or {}).get("type", "none")) not in (
        "none",
        "tmpfs",
    ):
        yield "driverOpts.type is a remote file system"


RULES: tuple[Rule, ...] = (
    access_published_port_is_private,
    access_engine_is_not_published,
    access_container_is_unprivileged,
    access_container_root_is_read_only,
    access_container_mounts_no_host_control,
)
