"""Two stateless filters: one around machines and pods, one around what outside callers may knock at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

EPHEMERAL: Final = (1024, 65535)
"""Where answers go, on every operating system. Source: VPC User Guide, "Ephemeral ports"."""
TLS: Final = (443, 443)
Ports = tuple[int, int]
Entry = TypeVar("Entry")


@dataclass(frozen=True, kw_only=True)
class AccessListsArgs:
    """Whom each filter knows.

    Attributes:
        vpc_id: the VPC.
        inner_subnet_ids: subnets of nodes, pods and runners.
        front_subnet_ids: subnets of endpoints, control plane and load balancer.
        vpc_cidrs: the VPC's own ranges.
        storage_cidrs: S3's public ranges in the region; only a gateway endpoint leads there.
        caller_cidrs: ranges of peers and of places on premises.
    """

    vpc_id: Input[str]
    inner_subnet_ids: Sequence[Input[str]]
    front_subnet_ids: Sequence[Input[str]]
    vpc_cidrs: Sequence[str]
    storage_cidrs: Sequence[str]
    caller_cidrs: Sequence[str]


class AccessLists(pulumi.ComponentResource):
    """Machines and pods know the VPC and S3; fronts know the VPC and declared callers; no filter knows anybody else.

    Source: VPC User Guide, "Control subnet traffic with network access control lists".
    """

    def __init__(self, name: str, args: AccessListsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:AccessLists", name, None, opts)
        child = ResourceOptions(parent=self)
        aws.ec2.NetworkAcl(
            f"{name}-inner-acl",
            vpc_id=args.vpc_id,
            subnet_ids=list(args.inner_subnet_ids),
            ingress=_entries(aws.ec2.NetworkAclIngressArgs, args.vpc_cidrs, args.storage_cidrs, EPHEMERAL),
            egress=_entries(aws.ec2.NetworkAclEgressArgs, args.vpc_cidrs, args.storage_cidrs, TLS),
            opts=child,
        )
        aws.ec2.NetworkAcl(
            f"{name}-front-acl",
            vpc_id=args.vpc_id,
            subnet_ids=list(args.front_subnet_ids),
            ingress=_entries(aws.ec2.NetworkAclIngressArgs, args.vpc_cidrs, args.caller_cidrs, TLS),
            egress=_entries(aws.ec2.NetworkAclEgressArgs, args.vpc_cidrs, args.caller_cidrs, EPHEMERAL),
            opts=child,
        )
        self.register_outputs({})


def _entries(entry: Callable[..., Entry], own: Sequence[str], others: Sequence[str], ports: Ports) -> list[Entry]:
    """Everything of the VPC, and one kind of TCP with each of the others."""
    first, last = ports
    return [
        *(
            entry(rule_no=100 + place, action="allow", protocol="-1", cidr_block=cidr, from_port=0, to_port=0)
            for place, cidr in enumerate(own)
        ),
        *(
            entry(rule_no=200 + place, action="allow", protocol="tcp", cidr_block=cidr, from_port=first, to_port=last)
            for place, cidr in enumerate(others)
        ),
    ]
