"""Docker containers and volumes on the edge: confined, and published on the machine only."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ..addresses import is_private_address
from ..findings import Resource, each, given, known
from ..pods import CONTAINER, engines, image_name, listed
from ..rules import Rule, rule
from .gateway import envoy_documents, typed

_SOURCE = "https://docs.docker.com/engine/security/"
_VOLUME = "docker:index/volume:Volume"
_PUBLISHED = frozenset({"envoy", "haproxy"})
# Every setting that a rule guards or that changes nothing for anybody else: devices, groups, kernel settings, cgroups,
# storage and volumes of other containers are not here.
_SETTINGS = listed(
    "attach capabilities cgroupnsMode command containerReadRefreshTimeoutMilliseconds cpuPeriod cpuQuota cpuSet "
    "cpuShares cpus destroyGraceSeconds dns domainname entrypoints envs gpus healthcheck hostname hosts image init "
    "ipcMode labels logDriver logOpts logs maxRetryCount memory memoryReservation memorySwap mounts mustRun name "
    "networkMode networksAdvanced pidMode platform ports privileged publishAllPorts readOnly removeVolumes restart rm "
    "runtime securityOpts shmSize start stdinOpen stopSignal stopTimeout tmpfs tty ulimits uploads user usernsMode "
    "volumes wait waitTimeout workingDir"
)
# Setting -> values that it may have besides being left out.
_MODES = {
    "pidMode": frozenset[str](),
    "usernsMode": frozenset[str](),
    "ipcMode": frozenset({"none", "private"}),
    "cgroupnsMode": frozenset({"private"}),
    "runtime": frozenset({"runc", "nvidia"}),
}
_NO_NEW_PRIVILEGES = frozenset({"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"})
_LOG_DRIVERS = frozenset({"json-file", "local", "journald", "none"})
# Folders of the host that hold its programs, its settings, its sockets or other containers, with all below them.
_SYSTEM = tuple(
    PurePosixPath(path)
    for path in sorted(
        listed(
            "/bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /usr /var/lib/containerd /var/lib/containers "
            "/var/lib/docker /var/lib/kubelet /var/log /var/run /var/spool"
        )
    )
)
_EXECUTE = re.compile(r"[1357]")
_CREDENTIALS = frozenset({".aws", ".config", ".docker", ".gnupg", ".kube", ".ssh"})


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
    fix="Publish Envoy or HAProxy, by the name of its image, with the configuration that asks for tokens.",
    source="https://docs.docker.com/engine/network/port-publishing/",
    severity="critical",
)
def access_only_the_gateway_is_published(container: Resource) -> Iterator[str]:
    """A port is published by the gateway's program only, and by Envoy only with a filter that checks tokens."""
    if not list(each(container.props, "ports")):
        return
    image = str(known(container.props, "image") or "")
    name = image_name(image)
    if name not in _PUBLISHED:
        yield f"ports is not empty and image {image!r} is not the gateway's"
    checkers = (
        checker for _, document in envoy_documents(container) for checker in typed(document, "JwtAuthentication")
    )
    if name == "envoy" and next(checkers, None) is None:
        yield "ports is not empty and no uploaded document of Envoy checks tokens"


@rule(
    CONTAINER,
    fix="Remove the setting; drop ALL capabilities and set no-new-privileges:true.",
    source=_SOURCE,
    severity="critical",
)
def access_container_is_unprivileged(container: Resource) -> Iterator[str]:
    """A container is not privileged, keeps no capability and sees nothing of its host or of other containers."""
    if container.get("privileged"):
        yield "privileged is true"
    for key, modes in _MODES.items():
        if container.get(key) not in (None, "", *modes):
            yield f"{key} is {container.get(key)!r}"
    if list(each(container.props, "capabilities.adds")):
        yield "capabilities.adds is not empty"
    dropped = {str(value).upper().removeprefix("CAP_") for _, value in each(container.props, "capabilities.drops")}
    if "ALL" not in dropped:
        yield "capabilities.drops does not hold ALL"
    options = {str(option) for _, option in each(container.props, "securityOpts")}
    if not options & _NO_NEW_PRIVILEGES:
        yield "securityOpts does not hold no-new-privileges:true"
    for option in sorted(options - _NO_NEW_PRIVILEGES):
        yield f"securityOpts holds {option.partition('=')[0]!r}, which changes a protection"


@rule(
    CONTAINER,
    fix="Remove the setting, or add it to the rule's list together with a rule that guards it.",
    source="https://www.pulumi.com/registry/packages/docker/api-docs/container/",
)
def access_container_says_nothing_unknown(container: Resource) -> Iterator[str]:
    """A container has no setting that no rule knows, such as a device, a group or a kernel setting."""
    for key in container.props:
        if key not in _SETTINGS and _is_given(container.props, key):
            yield f"{key} is set"


def _is_given(props: Mapping[str, Any], key: str) -> bool:
    """Whether a property is more than an empty value."""
    value = props[key]
    return value not in (None, False, "") and not (hasattr(value, "__len__") and len(value) == 0)


@rule(
    CONTAINER,
    fix="Use Docker's local drivers: json-file, local or journald.",
    source="https://docs.docker.com/engine/logging/configure/",
)
def access_container_logs_stay_on_the_host(container: Resource) -> Iterator[str]:
    """A container's log lines are kept on the host and sent nowhere."""
    driver = container.get("logDriver")
    if driver not in (None, "", *_LOG_DRIVERS):
        yield f"logDriver is {driver!r}"


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
    fix="Upload documents to the program's own folder, as text; programs come in images.",
    source="https://www.pulumi.com/registry/packages/docker/api-docs/container/",
)
def access_upload_is_a_document(container: Resource) -> Iterator[str]:
    """Files that are put into a container are documents whose text is here, not programs or settings of its system."""
    for path, upload in each(container.props, "uploads"):
        file = PurePosixPath(str(upload.get("file")))
        if upload.get("executable") or _EXECUTE.search(str(upload.get("permissions") or "")):
            yield f"{path} may be executed"
        if upload.get("source"):
            yield f"{path}.source names a file of the machine that deploys"
        if ".." in file.parts or file.suffix == ".so" or _is_system(file.parent) or len(file.parts) < 4:
            yield f"{path}.file {str(file)!r} is not in a folder of the program's own"


def _is_system(folder: PurePosixPath) -> bool:
    """Whether a folder is one of the system's, below /etc only itself and what loads or starts programs."""
    inside = next((root for root in _SYSTEM if folder.is_relative_to(root)), None)
    if inside == PurePosixPath("/etc"):
        return folder == inside or folder.parts[2].startswith(("ld.so", "cron", "init", "profile", "pam", "sudoers"))
    return inside is not None


@rule(
    CONTAINER,
    _VOLUME,
    fix="Use a named local volume, or a folder of the host's made for it, read-only.",
    source="https://docs.docker.com/engine/storage/volumes/",
    severity="critical",
)
def access_container_mounts_no_host_control(resource: Resource) -> Iterator[str]:
    """No container mounts sockets, system folders, other containers' volumes or a remote file system."""
    if resource.type == _VOLUME:
        if resource.get("driver") not in (None, "", "local"):
            yield f"driver is {resource.get('driver')!r}"
        options = resource.get("driverOpts") or {}
        if len(options) and options.get("type") != "tmpfs":
            yield "driverOpts names a file system of the host or of a server"
        if resource.get("cluster"):
            yield "cluster is set"
        return
    for path, volume in each(resource.props, "volumes"):
        if volume.get("fromContainer"):
            yield f"{path}.fromContainer is set"
        if volume.get("hostPath"):
            yield from _host_problems(f"{path}.hostPath", volume.get("hostPath"), volume.get("readOnly"))
    for path, mount in each(resource.props, "mounts"):
        if mount.get("type") == "bind":
            yield from _host_problems(f"{path}.source", mount.get("source"), mount.get("readOnly"))
        elif mount.get("type") not in ("volume", "tmpfs"):
            yield f"{path}.type is {mount.get('type')!r}"
        options = mount.get("volumeOptions") or {}
        if options.get("driverName") not in (None, "", "local") or options.get("driverOptions"):
            yield f"{path}.volumeOptions names a driver"


def _host_problems(path: str, value: Any, read_only: Any) -> Iterator[str]:
    """What is wrong with a folder of the host that a container sees."""
    folder = PurePosixPath(str(value))
    plain = folder.is_absolute() and ".." not in folder.parts and len(folder.parts) > 2
    below = any(folder.is_relative_to(root) for root in _SYSTEM)
    above = any(root.is_relative_to(folder) for root in _SYSTEM)
    if not plain or below or above or folder.suffix == ".sock" or _CREDENTIALS & set(folder.parts):
        yield f"{path} is {str(value)!r}"
    if read_only is not True:
        yield f"{path} {str(value)!r} may be written"


RULES: tuple[Rule, ...] = (
    access_published_port_is_private,
    access_engine_is_not_published,
    access_only_the_gateway_is_published,
    access_container_is_unprivileged,
    access_container_says_nothing_unknown,
    access_container_logs_stay_on_the_host,
    access_container_root_is_read_only,
    access_upload_is_a_document,
    access_container_mounts_no_host_control,
)
