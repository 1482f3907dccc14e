"""The network as one SVG picture: what is where, and from the analysis who reaches whom and who does not."""

from collections.abc import Sequence
from typing import Final

from components.network.reachability.drawing_zone import ZoneDrawing, zone_height
from components.network.reachability.matrix import Port, cell
from components.network.reachability.model import Network, Place, PlaceKind
from components.network.reachability.names import firewall_step
from components.network.reachability.svg import INK, OPEN, QUIET, SHUT, Box, Canvas

TOP, MARGIN, GAP = 64.0, 20.0, 16.0
OUTSIDE_WIDTH, ZONE_WIDTH, LANE = 310.0, 340.0, 96.0
ACTOR_HEIGHT: Final = 92.0
CALLERS: Final[tuple[PlaceKind, ...]] = ("peer", "on-premises", "consumer")
NOBODY: Final = "nobody.invalid"
"""A name that no list can hold. Source: RFC 6761."""
TLS: Final[Port] = ("tcp", 443)


def draw(network: Network, title: str) -> str:
    """The picture; the same network gives the same text.

    Args:
        network: what is planned.
        title: whose network it is.
    """
    canvas = Canvas()
    zones = sorted({subnet.zone for subnet in network.subnets.values()})
    actors = [place for place in network.places.values() if place.kind in CALLERS]
    inside = zone_height(network, zones[0])
    height = max(inside + 72, len(actors) * (ACTOR_HEIGHT + GAP) - GAP, 330)
    left = MARGIN + (OUTSIDE_WIDTH + LANE if actors else 0)
    vpc = Box(x=left, y=TOP, width=len(zones) * (ZONE_WIDTH + GAP) + GAP, height=height)
    canvas.text((MARGIN, 36), title, size=20, bold=True)
    canvas.box(vpc, fill="#f7f9fb", line=INK, round_=8)
    ranges = " and ".join(map(str, network.ranges))
    canvas.text((vpc.x + GAP, vpc.y + 24), f"Sealed VPC {ranges}", size=14, bold=True)
    words, colour = _leads_out(network)
    canvas.text((vpc.right - GAP, vpc.y + 24), words, size=11, fill=colour, anchor="end")
    drawn = []
    for number, zone in enumerate(zones):
        box = Box(x=vpc.x + GAP + number * (ZONE_WIDTH + GAP), y=vpc.y + 40, width=ZONE_WIDTH, height=inside + 16)
        drawn.append(ZoneDrawing(canvas, network, zone, box))
    if actors:
        _ways_in(canvas, network, actors, drawn[0], vpc)
    right = _ways_out(canvas, network, drawn[-1], vpc)
    _legend(canvas, network, vpc.bottom + 30)
    return canvas.document(right + MARGIN, vpc.bottom + 76, title)


def _leads_out(network: Network) -> tuple[str, str]:
    """Whether any route leads to the internet, and whether the account would stop it."""
    out = [route for table in network.route_tables.values() for route in table.routes if route.kind == "other"]
    blocked = "; public access is blocked" if network.public_access_blocked else ""
    if out:
        return f"{out[0].name} leads out of it to {out[0].target}{blocked}", SHUT
    return f"no route leads to the internet{blocked}", QUIET


def _ways_in(canvas: Canvas, network: Network, actors: Sequence[Place], first: ZoneDrawing, vpc: Box) -> None:
    """Those outside, and lanes from them to what they may and may not call; the first zone stands for every zone."""
    boxes = [
        Box(x=MARGIN, y=vpc.y + number * (ACTOR_HEIGHT + GAP), width=OUTSIDE_WIDTH, height=ACTOR_HEIGHT)
        for number in range(len(actors))
    ]
    for actor, box in zip(actors, boxes, strict=True):
        canvas.box(box, fill="#fff8e6", line="#b7791f", round_=6)
        canvas.text((box.x + 10, box.y + 20), actor.title, size=13, bold=True)
        where = ", ".join(map(str, actor.ranges)) if actor.kind != "consumer" else "endpoint in a VPC of its own"
        canvas.text((box.x + 10, box.y + 36), where, size=11, fill=QUIET)
        yes, no = _called(network, actor)
        canvas.text((box.x + 10, box.y + 58), f"reaches {', '.join(yes) or 'nothing'}", size=11, fill=OPEN)
        canvas.text((box.x + 10, box.y + 76), f"never {', '.join(no)}", size=11, fill=SHUT)
    lanes = (("control-plane", first.control_plane, 0.30), ("front", first.front, 0.5), ("node", first.nodes, 0.74))
    for number, (role, target, offset) in enumerate(lanes):
        if target is None:
            continue
        lane = MARGIN + OUTSIDE_WIDTH + 22 + 22 * number
        y = target.y + target.height / 2
        answers = [_answer(network, [actor], role) for actor in actors]
        open_ = "yes" in answers
        joined = [box for box, answer in zip(boxes, answers, strict=True) if (answer == "yes") == open_]
        if role == "control-plane" and not open_:
            continue
        starts = [box.y + box.height * offset for box in joined]
        for start in starts:
            canvas.way((MARGIN + OUTSIDE_WIDTH, start), (lane, start), open_=open_, arrow=False)
            canvas.dot((lane, start), open_=open_)
        ends = sorted((*starts, y))
        canvas.way((lane, ends[0]), (lane, ends[-1]), open_=open_, arrow=False)
        canvas.way((lane, y), (target.x, y), open_=open_)


def _ways_out(canvas: Canvas, network: Network, last: ZoneDrawing, vpc: Box) -> float:
    """S3, the resolver and the internet at the right, each with what the analysis says of the nodes' way there."""
    x = vpc.right + LANE
    names = {domain for rule in network.name_rules if rule.action == "ALLOW" for domain in rule.domains}
    rest = "no other" if not firewall_step(network, NOBODY).allowed else "every other too"
    found: tuple[tuple[str, Port, str, str, str], ...] = (
        ("s3", TLS, "Amazon S3", "by the gateway endpoint's routes only", "443 by prefix list"),
        ("resolver", ("udp", 53), "VPC resolver", f"answers for {len(names)} names and {rest}", "53"),
        ("internet", TLS, "Internet", "every other public address", "open"),
    )
    places = [entry for entry in found if entry[0] in network.places]
    for number, (role, port, name, words, label) in enumerate(places):
        box = Box(x=x, y=last.nodes.y - 60 + number * 78, width=OUTSIDE_WIDTH, height=58)
        canvas.box(box, fill="#eef2ff", line="#5a67d8", round_=6)
        canvas.text((box.x + 10, box.y + 22), name, size=13, bold=True)
        canvas.text((box.x + 10, box.y + 42), words, size=11, fill=QUIET)
        open_ = _answer(network, _role(network, "node"), role, port) == "yes"
        y = box.y + box.height / 2
        start = last.nodes.y + last.nodes.height * (0.2 + 0.3 * number)
        bend = vpc.right + 12 + 10 * abs(number - 1)
        canvas.way((last.nodes.right, start), (bend, start), (bend, y), (box.x, y), open_=open_)
        canvas.text((box.x - 6, y - 7), label if open_ else "", size=10, fill=OPEN, anchor="end")
    return x + OUTSIDE_WIDTH


def _called(network: Network, actor: Place) -> tuple[list[str], list[str]]:
    """What somebody outside reaches, and what not, in words."""
    asked: list[tuple[str, str, Port]] = [("front", "gateway 443", TLS), ("control-plane", "Kubernetes API", TLS)]
    asked += [
        (role, f"{places[0].title.removeprefix('endpoint ')} 443", TLS)
        for role, places in _endpoints(network).items()
        if _answer(network, [actor], role) == "yes"
    ]
    asked += [("node", "nodes", ("tcp", 22)), ("engine", "engines", ("tcp", 8000)), ("internet", "internet", TLS)]
    told = [(words, _answer(network, [actor], role, port)) for role, words, port in asked if _role(network, role)]
    return [words for words, answer in told if answer != "no"], [words for words, answer in told if answer == "no"]


def _endpoints(network: Network) -> dict[str, list[Place]]:
    roles = dict.fromkeys(place.role for place in network.places.values() if place.kind == "endpoint")
    return {role: _role(network, role) for role in roles}


def _role(network: Network, role: str) -> list[Place]:
    return [place for place in network.places.values() if place.role == role or place.role.startswith(f"{role}-")]


def _answer(network: Network, callers: Sequence[Place], role: str, port: Port = TLS) -> str:
    found = cell(network, callers, _role(network, role), port)
    return "no" if found is None else found.answer


def _legend(canvas: Canvas, network: Network, y: float) -> None:
    canvas.way((MARGIN, y), (MARGIN + 46, y), open_=True)
    canvas.text((MARGIN + 56, y + 4), "open, by routes, network ACLs both ways, security groups and policies", size=11)
    canvas.way((MARGIN + 500, y), (MARGIN + 560, y), open_=False)
    canvas.text(
        (MARGIN + 570, y + 4), "shut. Zones are alike: ways in are drawn to the first, ways out from the last.", size=11
    )
    pods = (
        "Kubernetes NetworkPolicies are"
        if network.pods_filtered
        else "No serving stack is given: NetworkPolicies are not"
    )
    words = f"{pods} taken into account. Drawn from what the stack plans by `cloister network explain --svg`."
    canvas.text((MARGIN, y + 26), words, size=11, fill=QUIET)
