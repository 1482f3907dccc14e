"""Docker containers and networks on the edge: internal networks, own names."""

from collections.abc import Iterator

from ..addresses import is_private_address
from ..findings import Resource, each
from ..pods import CONTAINER
from ..rules import Rule, rule

_SOURCE = "https://docs.docker.com/engine/network/"


@rule(
    CONTAINER,
    fix="Attach the container to an internal network by networksAdvanced.",
    source=_SOURCE,
    severity="critical",
)
def egress_container_has_its_own_network(container: Resource) -> Iterator[str]:
    """No container uses the host's network or the default bridge, which leads out."""
    mode = container.get("networkMode")
    if mode not in (None, "", "none"):
        yield f"networkMode is {mode!r}"
    if mode != "none" and not list(each(container.props, "networksAdvanced")):
        yield "networksAdvanced is empty, so it would join the default bridge"


@rule(CONTAINER, fix="Leave names to Docker's own resolver.", source=_SOURCE)
def egress_container_keeps_docker_names(container: Resource) -> Iterator[str]:
    """No container asks other name servers or maps names to outside addresses."""
    if container.get("dns"):
        yield "dns is set"
    for path, entry in each(container.props, "hosts"):
        if not is_private_address(entry.get("ip")):
            yield f"{path} maps {entry.get('host')!r} outside"


@rule("docker:index/network:Network", fix="Use the bridge driver without IPv6.", source=f"{_SOURCE}drivers/bridge/")
def egress_docker_network_is_a_bridge(network: Resource) -> Iterator[str]:
    """A Docker network is a bridge of this host, without IPv6."""
    if network.get("driver") not in (None, "", "bridge"):
        yield f"driver is {network.get('driver')!r}"
    if network.get("ipv6"):
        yield "ipv6 is true"
    if network.get("ingress"):
        yield "ingress is true"


RULES: tuple[Rule, ...] = (
    egress_container_has_its_own_network,
    egress_container_keeps_docker_names,
    egress_docker_network_is_a_bridge,
)
