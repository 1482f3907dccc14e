"""The road to one peer network: a connection and a route to exactly its range in every zone."""

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
        peer: the other network.
        region: ours.
        vpc_id: our VPC.
        route_table_ids: zone -> route table.
    """

    peer: PeeringSettings
    region: str
    vpc_id: Input[str]
    route_table_ids: Mapping[str, Input[str]]


class Peering(pulumi.ComponentResource):
    """A request to the peer, whose owner accepts it; replies find their way, nothing wider is routed.

    Outputs:
        connection_id: str; the peer's owner accepts it under this id.
    Source: VPC Peering Guide, "How VPC peering connections work".
    """

    connection_id: Output[str]

    def __init__(self, name: str, args: PeeringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Peering", name, None, opts)
        child = ResourceOptions(parent=self)
        peer = args.peer
        connection = aws.ec2.VpcPeeringConnection(
            f"{name}-connection",
            vpc_id=args.vpc_id,
            peer_vpc_id=peer.vpc_id,
            peer_owner_id=peer.account_id,
            peer_region=peer.region if peer.region != args.region else None,
            auto_accept=False,
            opts=child,
        )
        for zone, table_id in args.route_table_ids.items():
            aws.ec2.Route(
                f"{name}-route-{zone}",
                route_table_id=table_id,
                destination_cidr_block=peer.cidr,
                vpc_peering_connection_id=connection.id,
                opts=child,
            )
        self.connection_id = connection.id
        self.register_outputs({"connection_id": connection.id})
