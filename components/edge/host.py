"""The networks of one Docker host: engines see nobody but the gateway."""

from dataclasses import dataclass

import pulumi_docker as docker
from pulumi import ComponentResource, Output, ResourceOptions


@dataclass(frozen=True, kw_only=True)
class HostArgs:
    """Names of the two networks on the host."""

    inside: str = "cloister-inside"
    outside: str = "cloister-outside"


class Host(ComponentResource):
    """Two networks: one without any way out for engines, one for the gateway's port and the loader's download.

    Outputs:
        inside: str, name of the network without a way out.
        outside: str, name of the network with one.
    """

    inside: Output[str]
    outside: Output[str]

    def __init__(self, name: str, args: HostArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:edge:Host", name, None, opts)
        child = ResourceOptions(parent=self)
        self.inside = docker.Network(
            f"{name}-inside", name=args.inside, driver="bridge", internal=True, ipv6=False, opts=child
        ).name
        self.outside = docker.Network(
            f"{name}-outside", name=args.outside, driver="bridge", internal=False, ipv6=False, opts=child
        ).name
        self.register_outputs({"inside": self.inside, "outside": self.outside})
