"""A world of two subnets and four hosts, small enough to be built in every test."""

from typing import Final

from sandbox.network.world import Host, NameRule, Resolver, World

RESOLVER: Final = "10.0.0.2"


def host(
    name: str,
    device: str,
    address: str,
    *,
    rules: str = "",
    ports: tuple[int, ...] = (443,),
    forwards: dict[int, tuple[tuple[str, int], ...]] | None = None,
    asks: str = "",
) -> Host:
    """A host that sends everything to the router."""
    gateway = address.rpartition(".")[0] + ".1"
    setup = f"addr add {address}/24 dev eth0\nlink set eth0 up\nroute add default via {gateway}\n"
    return Host(
        name=name,
        device=device,
        address=address,
        setup=setup,
        rules=rules,
        ports=ports,
        udp_ports=ports,
        forwards=forwards or {},
        asks=asks,
    )


def world(rules: str = "", balanced: tuple[tuple[str, int], ...] = (("10.0.1.10", 443),)) -> World:
    """Hosts `left` and `beside` in one subnet, `right`, `balancer` and `dns` in the other.

    Args:
        rules: nftables rules around `right`.
        balanced: whom the balancer hands over to.
    """
    bridges = (
        f"link add {name} type bridge forward_delay 0\naddr add {address} dev {name}\nlink set {name} up\n"
        for name, address in (("s0", "10.0.0.1/24"), ("s1", "10.0.1.1/24"))
    )
    return World(
        setup="".join(bridges) + f"addr add {RESOLVER}/32 dev lo\n",
        roads="",
        rules="table ip lists {\n  chain forward {\n    type filter hook forward priority 0; policy accept;\n  }\n}\n",
        hosts=(
            host("left", "s0", "10.0.0.10"),
            host("beside", "s0", "10.0.0.11"),
            host("right", "s1", "10.0.1.10", rules=rules),
            host("balancer", "s1", "10.0.1.11", ports=(), forwards={443: balanced}),
            host("dns", "s1", "10.0.1.12", asks=RESOLVER),
        ),
        resolver=Resolver(
            addresses=(RESOLVER,),
            rules=(
                NameRule(action="ALLOW", block_response="", patterns=("*.good.test",)),
                NameRule(action="BLOCK", block_response="NXDOMAIN", patterns=("*",)),
            ),
            records={"www.good.test": ("10.0.1.11", "10.0.1.10")},
            public="1.1.1.1",
        ),
    )
