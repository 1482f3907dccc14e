"""Docker containers and networks on the edge: internal networks, own names."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from ..addresses import inside, is_private_address
from ..findings import Resource, each
from ..pods import CONTAINER
from ..rules import Rule, rule

_SOURCE = "https://docs.docker.com/engine/network/"
_PRIVATE = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


@rule(
    CONTAINER,
    fix="Attach the container to an internal network by networksAdvanced.",
    source=_SOURCE,
    severity="critical",
)
def egress_container_has_its_own_network(container: Resource) -> Iterator[str]:
    """No container uses the host's network or the default bridge, which leads out."""
    mode = container.get("networkMode")
    named = list(each(container.props, "networksAdvanced"))
    # The provider's own default is the bridge, which it leaves again before the start where networks are named.
    if mode not in (None, "", "none") and not (mode in ("bridge", "default") and named):
        yield f"networkMode is {mode!r}"
    if mode != "none" and not named:
        yield "networksAdvanced is empty, so it would join the default bridge"
    for path, network in named:
        for key in ("driverOpts", "ipv6Address", "linkLocalIps"):
            if network.get(key):
                yield f"{path}.{key} is set"


@rule(CONTAINER, fix="Leave names to Docker's own resolver.", source=_SOURCE)
def egress_container_keeps_docker_names(container: Resource) -> Iterator[str]:
    """No container asks other name servers or maps names to outside addresses."""
    for key in ("dns", "dnsSearches", "dnsOpts"):
        if container.get(key):
            yield f"{key} is set"
    for path, entry in each(container.props, "hosts"):
        if not is_private_address(entry.get("ip")):
            yield f"{path} maps {entry.get('host')!r} outside"


@rule(
    "docker:index/network:Network",
    fix="Use the bridge driver without IPv6, with no options but a name and an MTU.",
    source=f"{_SOURCE}drivers/bridge/",
    severity="critical",
)
def egress_docker_network_is_a_bridge(network: Resource) -> Iterator[str]:
    """A Docker network is a bridge of this host, without IPv6, joined by nobody else and bound to no public address."""
    if network.get("driver") not in (None, "", "bridge"):
        yield f"driver is {network.get('driver')!r}"
    for key in ("ipv6", "ingress", "attachable"):
        if network.get(key):
            yield f"{key} is true"
    for name in network.get("options") or {}:
        if name not in ("com.docker.network.bridge.name", "com.docker.network.driver.mtu"):
            yield f"options.{name} is set"
    if network.get("ipamDriver") not in (None, "", "default"):
        yield f"ipamDriver is {network.get('ipamDriver')!r}"
    for path, config in each(network.props, "ipamConfigs"):
        if not inside(config.get("subnet"), _PRIVATE):
            yield f"{path}.subnet is {config.get('subnet')!r}"


RULES: tuple[Rule, ...] = (
    egress_container_has_its_own_network,
    egress_container_keeps_docker_names,
    egress_docker_network_is_a_bridge,
)
