"""Who reaches whom on which port, and by what: the question that tests, the command and the drawing ask."""

from components.network.reachability.filters import Flow
from components.network.reachability.model import Network, Place, Transport
from components.network.reachability.names import name_steps
from components.network.reachability.places import place_at
from components.network.reachability.verdict import Step, Verdict, verdict
from components.network.reachability.ways import direct, through_front

__all__ = ["Flow", "Verdict", "direct", "reach"]


def reach(
    network: Network,
    source: str | Place,
    destination: str | Place,
    port: int,
    protocol: Transport = "tcp",
    name: str | None = None,
) -> Verdict:
    """Whether a connection can be opened and answered; to the load balancer, whether it ends at a gateway.

    What lies outside is taken to be as permissive as it can be: its own filters and routes are not ours to know.

    Args:
        network: what is planned.
        source: a place, its name, or an IPv4 address.
        destination: likewise.
        port: of the destination.
        protocol: `tcp` or `udp`.
        name: a host name that the source has to resolve first, None if it knows the address.

    Raises:
        UnknownPlaceError: nothing of this name or address is planned.
    """
    start, end = place_at(network, source), place_at(network, destination)
    flow = Flow(protocol=protocol, port=port)
    steps: list[Step] = []
    if name is not None:
        steps.extend(name_steps(network, start, name))
    if end.kind == "front" and network.front is not None:
        steps.extend(through_front(network, network.front, start, end, flow))
    else:
        steps.extend(direct(network, start, end, flow))
    return verdict(steps)
