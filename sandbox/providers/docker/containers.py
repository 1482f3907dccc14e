"""Containers as local processes: prepared, started, waited for, and ended."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import processes
from sandbox.places import REPOSITORY
from sandbox.providers.docker import health, images, layout, records
from sandbox.providers.docker.translation import View, loopback_address
from sandbox.providers.serve import ProviderError

_START_SECONDS = 0.3
_DEFAULT_WAIT_SECONDS = 60


@dataclass(frozen=True)
class Started:
    """What Docker would report of a container after its creation."""

    address: str
    exit_code: int
    logs: str


def create(inputs: Mapping[str, Any]) -> Started:
    """Start the container, or run it to its end when it is attached; returns when it is healthy if it shall be.

    Raises:
        ProviderError: it cannot be started here, ended with an error, or did not get healthy in time.
    """
    name = inputs["name"]
    if is_running(name) and records.read("containers", name) is not None:
        raise ProviderError(f"container name {name!r} is already in use; remove that container or choose another name")
    remove(name)  # what an interrupted start left behind
    attached = inputs.get("networksAdvanced") or ()
    networks = [_network(entry["name"]) for entry in attached]
    aliases = [alias for entry in attached for alias in entry.get("aliases") or ()]
    home = records.folder("containers") / name
    address = loopback_address(min(aliases, default=name))
    names = [alias for alias in aliases if "." in alias]  # a single word may mean anything in a configuration file
    hosts = {**_neighbours(networks), **dict.fromkeys(names, address)}
    view = View(address=address, hosts=hosts, paths=layout.paths(inputs, home))
    layout.upload(inputs, home, view)
    argv = [*_program(inputs, view), *(view.translate(argument) for argument in inputs.get("command") or ())]
    environment = layout.environment(inputs, home, view)
    ports = _published(inputs, name)
    try:
        if inputs.get("attach"):
            return _run_to_end(inputs, argv, environment, address, layout.working_folder(inputs, home, view))
        _start(inputs, argv, environment, view, layout.working_folder(inputs, home, view))
        if ports:
            forwarded = [f"{outer}={address}:{inner}" for outer, inner in ports.items()]
            command = [sys.executable, "-m", "sandbox.providers.docker.port_proxy", *forwarded]
            processes.start(
                f"{_process(name)}-ports",
                command,
                env={**layout.host_environment(), "PYTHONPATH": str(REPOSITORY)},
                ready=lambda: all(processes.answers(port) for port in ports),
                timeout=20,
            )
    except processes.ProcessError as problem:
        remove(name)
        raise ProviderError(f"container {name}: {problem}") from None
    except BaseException:
        remove(name)
        raise
    records.write("containers", name, {"name": name, "address": address, "names": names, "networks": networks})
    return Started(address, 0, "")


def is_running(name: str) -> bool:
    """Whether the container's process runs."""
    return any(process.name == _process(name) for process in processes.running())


def remove(name: str, grace: float = 10) -> None:
    """End the container and forget what it wrote outside of its volumes."""
    processes.stop(f"{_process(name)}-ports", grace=2)
    processes.stop(_process(name), grace=grace)
    shutil.rmtree(records.folder("containers") / name, ignore_errors=True)


def _process(name: str) -> str:
    return f"container-{name}"


def _network(name_or_id: str) -> str:
    found = next((net for net in records.every("networks") if name_or_id in (net["name"], net["id"])), None)
    if found is None:
        raise ProviderError(f"network {name_or_id!r} not found; declare it as docker.Network")
    return str(found["name"])


def _neighbours(networks: Sequence[str]) -> dict[str, str]:
    """Names and aliases of the containers on the same networks -> their addresses."""
    return {
        known: container["address"]
        for container in records.every("containers")
        if set(container["networks"]) & set(networks)
        for known in container["names"]
    }


def _program(inputs: Mapping[str, Any], view: View) -> list[str]:
    image = images.find(inputs["image"])
    further = images.after_entrypoint(image, inputs.get("entrypoints") or ())
    return [*images.program(image), *(view.translate(word) for word in further)]


def _published(inputs: Mapping[str, Any], name: str) -> dict[int, int]:
    """Port on 127.0.0.1 -> port inside; every one is free."""
    ports = {port.get("external") or processes.free_port(): port["internal"] for port in inputs.get("ports") or ()}
    for port in ports:
        try:
            processes.require_port(port, f"container {name}")
        except processes.PortTakenError as taken:
            raise ProviderError(str(taken)) from None
    return ports


def _run_to_end(
    inputs: Mapping[str, Any], argv: list[str], environment: Mapping[str, str], address: str, folder: Path
) -> Started:
    name = inputs["name"]
    code = processes.run_to_end(_process(name), argv, env=environment, cwd=folder)
    log = _log(name)
    if code != 0:
        raise processes.ProcessError(f"ended with exit code {code}{processes.last_lines(str(log))}")
    record = {"name": name, "address": address, "names": [], "networks": [], "exit_code": code}
    records.write("containers", name, record)
    return Started(address, code, log.read_text(errors="replace") if inputs.get("logs") else "")


def _log(name: str) -> Path:
    return records.folder("containers").parents[1] / "log" / f"{_process(name)}.log"


def _start(
    inputs: Mapping[str, Any], argv: list[str], environment: Mapping[str, str], view: View, folder: Path
) -> None:
    begun = time.monotonic()
    # Alive for a moment: a wrong argument shows at once, as it would in Docker's own check.
    ready: Callable[[], bool] = lambda: time.monotonic() - begun > _START_SECONDS  # noqa: E731
    timeout = 10.0
    if inputs.get("wait"):
        test = [view.translate_check(word) for word in (inputs.get("healthcheck") or {}).get("tests") or ()]
        if not test or test[0] == "NONE":
            raise ProviderError(f"container {inputs['name']}: `wait` needs a healthcheck")
        check = health.check(test, environment)
        ready, timeout = check, float(inputs.get("waitTimeout") or _DEFAULT_WAIT_SECONDS)
    processes.start(_process(inputs["name"]), argv, env=environment, cwd=folder, ready=ready, timeout=timeout)
