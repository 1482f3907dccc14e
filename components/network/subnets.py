"""The subnets of every zone, and the two route tables that say what each kind of them knows of the world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.network.layout import ZoneLayout

CNI_TAG: Final = {"kubernetes.io/role/cni": "1"}
"""Where the VPC CNI finds addresses for pods. Source: EKS User Guide, "Configure subnet selection for Pods"."""


@dataclass(frozen=True, kw_only=True)
class SubnetsArgs:
    """Where subnets go.

    Attributes:
        vpc_id: the VPC.
        zones: zone -> ranges.
        runner: whether machines deploy from inside the VPC.
    """

    vpc_id: Input[str]
    zones: Mapping[str, ZoneLayout]
    runner: bool


class Subnets(pulumi.ComponentResource):
    """Private subnets; machines of ours have a route table that never learns of anybody outside, fronts one that may.

    Outputs:
        node_subnet_ids: zone -> subnet of nodes and their first pods.
        endpoint_subnet_ids: zone -> subnet of endpoints, control plane and load balancer.
        runner_subnet_ids: zone -> subnet of machines that deploy; empty without a runner.
        inner_table_ids: zone -> route table of nodes, pods and runners.
        front_table_ids: zone -> route table of the endpoint subnet.
    Source: VPC User Guide, "Subnet route tables".
    """

    node_subnet_ids: dict[str, Output[str]]
    endpoint_subnet_ids: dict[str, Output[str]]
    runner_subnet_ids: dict[str, Output[str]]
    pod_subnet_ids: dict[str, Output[str]]
    inner_table_ids: dict[str, Output[str]]
    front_table_ids: dict[str, Output[str]]

    def __init__(self, name: str, args: SubnetsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Subnets", name, None, opts)
        self.node_subnet_ids, self.pod_subnet_ids, self.runner_subnet_ids = {}, {}, {}
        self.endpoint_subnet_ids, self.inner_table_ids, self.front_table_ids = {}, {}, {}
        child = ResourceOptions(parent=self)
        for zone, place in args.zones.items():
            inner = aws.ec2.RouteTable(f"{name}-inner-routes-{zone}", vpc_id=args.vpc_id, opts=child)
            front = aws.ec2.RouteTable(f"{name}-front-routes-{zone}", vpc_id=args.vpc_id, opts=child)
            self.inner_table_ids[zone], self.front_table_ids[zone] = inner.id, front.id
            self.node_subnet_ids[zone] = self._subnet(f"{name}-nodes-{zone}", args, zone, place.node_cidr, inner)
            if place.pod_cidr is not None:
                self.pod_subnet_ids[zone] = self._subnet(
                    f"{name}-pods-{zone}", args, zone, place.pod_cidr, inner, CNI_TAG
                )
            if args.runner:
                self.runner_subnet_ids[zone] = self._subnet(
                    f"{name}-runner-{zone}", args, zone, place.runner_cidr, inner
                )
            self.endpoint_subnet_ids[zone] = self._subnet(
                f"{name}-endpoints-{zone}", args, zone, place.endpoint_cidr, front
            )
        self.register_outputs(
            {
                "node_subnet_ids": self.node_subnet_ids,
                "endpoint_subnet_ids": self.endpoint_subnet_ids,
                "runner_subnet_ids": self.runner_subnet_ids,
                "inner_table_ids": self.inner_table_ids,
                "front_table_ids": self.front_table_ids,
            }
        )

    @property
    def inner_subnet_ids(self) -> list[Output[str]]:
        """Every subnet of machines and pods."""
        return [
            *self.node_subnet_ids.values(),
            *self.pod_subnet_ids.values(),
            *self.runner_subnet_ids.values(),
        ]

    def _subnet(
        self,
        name: str,
        args: SubnetsArgs,
        zone: str,
        cidr: str,
        table: aws.ec2.RouteTable,
        tags: Mapping[str, str] | None = None,
    ) -> Output[str]:
        """One private subnet, bound to a route table: the VPC's main table serves nobody."""
        child = ResourceOptions(parent=self)
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=args.vpc_id,
            cidr_block=cidr,
            availability_zone=zone,
            map_public_ip_on_launch=False,
            assign_ipv6_address_on_creation=False,
            tags=dict(tags) if tags else None,
            opts=child,
        )
        aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=child)
        return subnet.id
