"""Makes a world's namespaces, cables, addresses, routes and rules with `ip` and `nft`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sandbox.network import kernel
from sandbox.network.world import Host, World

# Namespaces inherit much of what the machine has; nothing that decides about packets may depend on it.
_BOTH: Final = {
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.eth0.rp_filter": "0",
}
ROUTER: Final = {
    **_BOTH,
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "0",  # packets within a subnet are nobody's business
}
HOST: Final = {
    **_BOTH,
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ip_local_port_range": "1024 65535",
    "net.ipv4.tcp_syn_retries": "2",
}


class BuildError(Exception):
    """`ip` or `nft` refused what it was given; the message shows the text with its answer."""


def build(world: World, home: int, ip: str, nft: str, environment: Mapping[str, str]) -> dict[str, int]:
    """Build everything; this thread's namespace becomes the router.

    Args:
        world: what to build.
        home: holds the router's namespace.
        ip: the program.
        nft: the program.
        environment: of both.

    Returns:
        Host -> the file that holds its namespace.

    Raises:
        BuildError: a program refused its text.
    """
    namespaces = {host.name: kernel.new_namespace(home) for host in world.hosts}
    _switch(ROUTER)
    _run([ip, "-batch", "-"], "link set lo up\n" + world.setup, environment)
    hardware = {host.name: f"02:00:00:00:{place >> 8:02x}:{place & 255:02x}" for place, host in enumerate(world.hosts)}
    cables = "".join(
        f"link add v{place} master {host.device} type veth "
        f"peer name eth0 address {hardware[host.name]} netns /proc/self/fd/{namespaces[host.name]}\n"
        f"link set v{place} up\n{_neighbour(host, hardware, host.device)}"
        for place, host in enumerate(world.hosts)
    )
    _run([ip, "-batch", "-"], cables + world.roads, environment, list(namespaces.values()))
    _run([nft, "-f", "-"], world.rules, environment)

    def furnish(host: Host) -> None:
        beside = [each for each in world.hosts if each.device == host.device and each is not host]
        neighbours = "".join(_neighbour(each, hardware, "eth0") for each in beside)
        with kernel.inside(namespaces[host.name], home):
            _switch(HOST)
            _run([ip, "-batch", "-"], "link set lo up\n" + host.setup + neighbours, environment)
            if host.rules:
                _run([nft, "-f", "-"], host.rules, environment)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # a namespace is entered by a thread, not by the process
        list(pool.map(furnish, world.hosts))
    return namespaces


def _neighbour(host: Host, hardware: Mapping[str, str], device: str) -> str:
    """A permanent entry: the machine's table of learned ones has 1,024 places for all namespaces together."""
    return f"neigh add {host.address} lladdr {hardware[host.name]} dev {device} nud permanent\n"


def _switch(settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        kernel.switch(name, value)


def _run(command: Sequence[str], text: str, environment: Mapping[str, str], files: Sequence[int] = ()) -> None:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=dict(environment), pass_fds=tuple(files)
    )
    if done.returncode != 0:
        numbered = "\n".join(f"{number:4} {line}" for number, line in enumerate(text.splitlines(), 1))
        raise BuildError(f"{' '.join(command)} refused:\n{numbered}\n{done.stderr.strip()}")
