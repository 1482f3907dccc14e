"""Small networks with filters and routes as they come, for the laws of the analysis."""

from ipaddress import IPv4Address, IPv4Network
from typing import Final

from hypothesis import strategies as st

from components.network.reachability.model import (
    Acl,
    AclEntry,
    GroupRule,
    Network,
    Place,
    PlaceKind,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
)

INNER, FRONT, PEER, STORAGE = (
    IPv4Network(cidr) for cidr in ("10.0.0.0/24", "10.0.1.0/24", "10.9.0.0/16", "3.5.0.0/16")
)
VPC: Final = IPv4Network("10.0.0.0/16")
RANGES: Final = st.sampled_from(
    [INNER, FRONT, PEER, STORAGE, VPC, *map(IPv4Network, ("0.0.0.0/0", "10.9.0.0/24", "10.0.0.10/32", "1.1.1.1/32"))]
)
PORTS: Final = st.sampled_from([(0, 65535), (443, 443), (8443, 8443), (1024, 65535), (1024, 2000), (32768, 60999)])
TRANSPORTS: Final = st.sampled_from(["tcp", "udp", "all"])
NAMES: Final = st.sampled_from(["machine", "door", "peer", "s3", "internet"])
PAIRS: Final = st.one_of(
    st.sampled_from([("machine", "door"), ("machine", "s3"), ("peer", "door"), ("door", "machine")]),
    st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1]),
)
QUESTIONS: Final = st.tuples(PAIRS, st.sampled_from([22, 443, 8443, 1500])).map(lambda it: (*it[0], it[1]))
ENTRIES: Final = st.lists(
    st.builds(
        AclEntry,
        number=st.integers(1, 900),
        action=st.sampled_from(["allow", "allow", "deny"]),
        protocol=TRANSPORTS,
        ports=PORTS,
        cidr=RANGES,
    ),
    max_size=6,
    unique_by=lambda entry: entry.number,
).map(lambda entries: tuple(sorted(entries, key=lambda entry: entry.number)))
RULES: Final = st.lists(
    st.one_of(
        st.builds(GroupRule, protocol=TRANSPORTS, ports=PORTS, cidr=RANGES),
        st.builds(GroupRule, protocol=TRANSPORTS, ports=PORTS, group=st.sampled_from(["machines", "doors"])),
        st.builds(GroupRule, protocol=TRANSPORTS, ports=PORTS, prefix_list=st.just("gateway")),
    ),
    max_size=4,
).map(tuple)
# Often everything is let through at last: laws about networks in which nothing passes would be empty.
LAST: Final = AclEntry(number=999, action="allow", protocol="all", ports=(0, 65535), cidr=IPv4Network("0.0.0.0/0"))
REST: Final = st.sampled_from([(LAST,), (LAST,), (LAST,), ()])
ALL: Final = GroupRule(protocol="all", ports=(0, 65535), cidr=IPv4Network("0.0.0.0/0"))
WIDE: Final = st.sampled_from([(ALL,), (ALL,), (ALL,), ()])
TARGETS: Final = st.sampled_from([("local", "local"), ("peering", "pcx"), ("storage", "gateway"), ("other", "igw")])
ROUTES: Final = st.lists(
    st.builds(
        lambda cidr, target: Route(destination=cidr, kind=target[0], target=target[1], name="table"), RANGES, TARGETS
    ),
    max_size=2,
).map(tuple)


def _inside(name: str, kind: PlaceKind, subnet: str, cidr: IPv4Network) -> Place:
    groups = (f"{name}s",)
    return Place(name=name, role=name, kind=kind, address=cidr[10], title=name, subnet=subnet, groups=groups)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A machine in one subnet, a door in another, a peer, S3 and the internet; filters and routes as they come."""
    own = Route(destination=VPC, kind="local", target="local", name="table")
    usual = {
        "inner": Route(destination=STORAGE, kind="storage", target="gateway", name="table"),
        "front": Route(destination=PEER, kind="peering", target="pcx", name="table"),
    }
    places = [
        Place(
            name="machine", role="node", kind="node", address=INNER[10], title="", subnet="inner", groups=("machines",)
        ),
        Place(
            name="door", role="door", kind="endpoint", address=FRONT[10], title="", subnet="front", groups=("doors",)
        ),
        Place(name="peer", role="peer", kind="peer", address=PEER[10], title="", ranges=(PEER,), via="pcx"),
        Place(name="s3", role="s3", kind="storage", address=STORAGE[10], title="", ranges=(STORAGE,), via="gateway"),
        Place(name="internet", role="internet", kind="internet", address=IPv4Address("1.1.1.1"), title=""),
    ]
    return Network(
        ranges=(VPC,),
        subnets={
            name: Subnet(name=name, zone="a", kind="nodes", cidr=cidr, route_table=name, acl=name)
            for name, cidr in (("inner", INNER), ("front", FRONT))
        },
        route_tables={
            name: RouteTable(name=name, routes=(own, usual[name], *draw(ROUTES))) for name in ("inner", "front")
        },
        acls={
            name: Acl(name=name, ingress=(*draw(ENTRIES), *draw(REST)), egress=(*draw(ENTRIES), *draw(REST)))
            for name in ("inner", "front")
        },
        groups={
            name: SecurityGroup(name=name, ingress=(*draw(RULES), *draw(WIDE)), egress=(*draw(RULES), *draw(WIDE)))
            for name in ("machines", "doors")
        },
        storage={"gateway": (STORAGE,)},
        places={place.name: place for place in places},
    )
