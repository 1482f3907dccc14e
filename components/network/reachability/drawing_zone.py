"""One zone of the picture: its subnets from the front to the machines, and the ways inside it."""

from collections.abc import Sequence
from typing import Final

from components.network.reachability.matrix import Port, cell
from components.network.reachability.model import Network, Place, Subnet
from components.network.reachability.svg import INK, OPEN, QUIET, Box, Canvas

LINE: Final = 14.0
LEFT: Final = 116.0
"""Width of the column with load balancer and control plane; endpoints stand beside it."""
FRONT_HEAD, NODES_HEIGHT, SMALL_HEIGHT, GAP = 26.0, 150.0, 48.0, 26.0
TILE: Final = 40.0


def zone_height(network: Network, zone: str) -> float:
    """How high a zone becomes."""
    small = sum(SMALL_HEIGHT + 10 for subnet in _subnets(network, zone) if subnet.kind in ("pods", "runner"))
    return 30 + _front_height(network, zone) + GAP + NODES_HEIGHT + small + 10


class ZoneDrawing:
    """Draws one zone and remembers where ways from outside end.

    Attributes:
        front: the load balancer, None where there is none.
        control_plane: where the Kubernetes API answers.
        nodes: the subnet of nodes.
    """

    front: Box | None
    control_plane: Box | None
    nodes: Box

    def __init__(self, canvas: Canvas, network: Network, zone: str, box: Box) -> None:
        self._canvas, self._network, self._zone = canvas, network, zone
        canvas.box(box, fill="#ffffff", dashed=True, round_=6)
        canvas.text((box.x + 10, box.y + 20), zone, size=13, bold=True)
        self.front = self.control_plane = None
        endpoints = self._front_subnet(Box(x=box.x + 10, y=box.y + 30, width=box.width - 20, height=0))
        y = box.y + 30 + _front_height(network, zone) + GAP
        self.nodes = Box(x=box.x + 10, y=y, width=box.width - 20, height=NODES_HEIGHT)
        self._node_subnet(endpoints)
        y = self.nodes.bottom + 10
        for subnet in _subnets(network, zone):
            if subnet.kind in ("pods", "runner"):
                self._small(Box(x=box.x + 10, y=y, width=box.width - 20, height=SMALL_HEIGHT), subnet)
                y += SMALL_HEIGHT + 10

    def _front_subnet(self, place: Box) -> Box | None:
        """Load balancer and control plane at the left, endpoints at the right."""
        canvas, height = self._canvas, _front_height(self._network, self._zone)
        subnet = Box(x=place.x, y=place.y, width=place.width, height=height)
        canvas.box(subnet, fill="#edf7f2", line="#7fb8a2")
        self._head(subnet, "endpoints", "front")
        left = Box(x=subnet.x + 10, y=subnet.y + FRONT_HEAD + 8, width=LEFT, height=TILE)
        if self._places("control-plane"):
            self.control_plane = left
            self._tile(left, "Kubernetes API", "443")
        if self._places("front"):
            self.front = Box(x=left.x, y=subnet.bottom - TILE - 10, width=LEFT, height=TILE)
            self._tile(self.front, "load balancer", "TLS 443", strong=True)
        names = _endpoint_names(self._network, self._zone)
        if not names:
            return None
        box = Box(
            x=left.right + 12,
            y=subnet.y + FRONT_HEAD + 8,
            width=subnet.right - left.right - 22,
            height=height - FRONT_HEAD - 18,
        )
        canvas.box(box, fill="#ffffff", line="#7fb8a2")
        canvas.text((box.x + 8, box.y + 16), "endpoints, TLS 443", size=11, bold=True)
        canvas.lines((box.x + 8, box.y + 32), names, size=10.5, step=LINE)
        return box

    def _node_subnet(self, endpoints: Box | None) -> None:
        """Gateway and engine above, nodes and other pods below, and the ways between them."""
        canvas, nodes = self._canvas, self.nodes
        canvas.box(nodes, fill="#eef4fb", line="#8aa9cc")
        self._head(nodes, "nodes", "nodes, pods")
        top = nodes.y + FRONT_HEAD + 12
        gateway = Box(x=nodes.x + 10, y=top, width=LEFT, height=TILE)
        engine = Box(x=nodes.right - 26 - LEFT, y=top, width=LEFT, height=TILE)
        rest = Box(x=nodes.x + 10, y=top + TILE + 14, width=nodes.width - 36, height=TILE)
        self._tile(gateway, "gateway", "pods, 8443", strong=True)
        self._tile(engine, "engine", "pods, 8000")
        self._tile(rest, "nodes, CoreDNS, other pods", "")
        if self.front is not None:
            x = self.front.right - 6
            open_ = self._open("front", "gateway", ("tcp", 8443))
            canvas.way((x, self.front.bottom), (x, gateway.y), open_=open_)
        y = gateway.y + TILE / 2
        canvas.way((gateway.right, y - 7), (engine.x, y - 7), open_=self._open("gateway", "engine", ("tcp", 8000)))
        canvas.way((engine.x, y + 9), (gateway.right, y + 9), open_=self._open("engine", "gateway", ("tcp", 8443)))
        if endpoints is not None:
            x, middle = nodes.right - 12, rest.y + TILE / 2
            role = next(place.role for place in self._network.places.values() if place.kind == "endpoint")
            open_ = self._open("node", role, ("tcp", 443))
            canvas.way((rest.right, middle), (x, middle), (x, endpoints.bottom), open_=open_)

    def _small(self, box: Box, subnet: Subnet) -> None:
        self._canvas.box(box, fill="#eef4fb", line="#8aa9cc")
        self._head(box, subnet.kind, "further pods" if subnet.kind == "pods" else "runner")
        words = "gateways, engines and other pods" if subnet.kind == "pods" else "machines that deploy from inside"
        self._canvas.text((box.x + 10, box.y + 37), words, size=11, fill=QUIET)

    def _head(self, box: Box, kind: str, words: str) -> None:
        cidr = next((str(subnet.cidr) for subnet in _subnets(self._network, self._zone) if subnet.kind == kind), "")
        self._canvas.text((box.x + 10, box.y + 18), words, size=12, bold=True)
        self._canvas.text((box.right - 26, box.y + 18), cidr, size=11, fill=QUIET, anchor="end")

    def _tile(self, box: Box, name: str, words: str, *, strong: bool = False) -> None:
        self._canvas.box(box, fill="#ffffff", line=OPEN if strong else QUIET)
        x, y = box.middle
        self._canvas.text((x, y - 2 if words else y + 4), name, size=11.5, fill=INK, bold=strong, anchor="middle")
        if words:
            self._canvas.text((x, y + 13), words, size=10.5, fill=QUIET, anchor="middle")

    def _places(self, role: str) -> list[Place]:
        """Of a role, or of several that begin with it, in this zone."""
        found = [place for place in self._network.places.values() if place.zone == self._zone]
        return [place for place in found if place.role == role or place.role.startswith(f"{role}-")]

    def _open(self, source: str, destination: str, port: Port) -> bool:
        found = cell(self._network, self._places(source), self._places(destination), port)
        return found is not None and found.answer == "yes"


def _subnets(network: Network, zone: str) -> Sequence[Subnet]:
    return [subnet for subnet in network.subnets.values() if subnet.zone == zone]


def _endpoint_names(network: Network, zone: str) -> list[str]:
    places = [place for place in network.places.values() if place.kind == "endpoint" and place.zone == zone]
    return [place.title.removeprefix("endpoint ") for place in places]


def _front_height(network: Network, zone: str) -> float:
    return max(FRONT_HEAD + 44 + LINE * len(_endpoint_names(network, zone)), FRONT_HEAD + 2 * TILE + 40)
