"""The road to one peer network: a connection, and a route to exactly its range in every zone."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.settings.network import Peering as PeeringSettings


@dataclass(frozen=True, kw_only=True)
class PeeringArgs:
    """Both ends.

    Attributes:
        peer: the other network, of the same region.
        account_id: ours.
        vpc_id: our VPC.
        route_table_ids: zone -> table of the subnets that peers may reach.
    """

    peer: PeeringSettings
    account_id: str
    vpc_id: Input[str]
    route_table_ids: Mapping[str, Input[str]]


class Peering(pulumi.ComponentResource):
    """A connection that we ask for, or accept where the peer asked; replies find their way, nothing wider is routed.

    A peer of our own account accepts at once; in either case the peer's tables are its owner's to change.

    Outputs:
        connection_id: str; the owner of another account accepts it under this id.
    Source: VPC Peering Guide, "How VPC peering connections work".
    """

    connection_id: Output[str]

    def __init__(self, name: str, args: PeeringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Peering", name, None, opts)
        child = ResourceOptions(parent=self)
        self.connection_id = self._accepted(name, args) if args.peer.connection_id else self._requested(name, args)
        for zone, table_id in args.route_table_ids.items():
            aws.ec2.Route(
                f"{name}-route-{zone}",
                route_table_id=table_id,
                destination_cidr_block=args.peer.cidr,
                vpc_peering_connection_id=self.connection_id,
                opts=child,
            )
        self.register_outputs({"connection_id": self.connection_id})

    def _requested(self, name: str, args: PeeringArgs) -> Output[str]:
        connection = aws.ec2.VpcPeeringConnection(
            f"{name}-connection",
            vpc_id=args.vpc_id,
            peer_vpc_id=args.peer.vpc_id,
            peer_owner_id=args.peer.account_id,
            auto_accept=args.peer.account_id == args.account_id,
            opts=ResourceOptions(parent=self),
        )
        return connection.id

    def _accepted(self, name: str, args: PeeringArgs) -> Output[str]:
        accepter = aws.ec2.VpcPeeringConnectionAccepter(
            f"{name}-accepter",
            vpc_peering_connection_id=str(args.peer.connection_id),
            auto_accept=True,
            opts=ResourceOptions(parent=self),
        )
        return accepter.id
