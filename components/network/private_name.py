"""One name that only our VPC and named peers can resolve."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.settings.network import Peering


@dataclass(frozen=True, kw_only=True)
class PrivateNameArgs:
    """The name and who knows it.

    Attributes:
        host_name: the name; the zone has exactly this name, so that no other name of a peer's is hidden by it.
        target: DNS name and hosted zone of what it stands for.
        account_id: ours.
        vpc_id: our VPC.
        peers: peer name -> peer that resolves the name as well.
    """

    host_name: str
    target: tuple[Input[str], Input[str]]
    account_id: str
    vpc_id: Input[str]
    peers: Mapping[str, Peering]


class PrivateName(pulumi.ComponentResource):
    """A private hosted zone with one alias; a peer of another account is authorised and associates its VPC itself.

    Outputs:
        zone_id: str.
    Source: Route 53 Developer Guide, "Associating an Amazon VPC and a private hosted zone that you created with
        different AWS accounts".
    """

    zone_id: Output[str]

    def __init__(self, name: str, args: PrivateNameArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:PrivateName", name, None, opts)
        child = ResourceOptions(parent=self)
        zone = aws.route53.Zone(
            f"{name}-zone",
            name=args.host_name,
            comment="Cloister: one private name",
            vpcs=[aws.route53.ZoneVpcArgs(vpc_id=args.vpc_id)],
            # Associations of peers are resources of their own, and would be taken away here.
            opts=ResourceOptions(parent=self, ignore_changes=["vpcs"]),
        )
        target, target_zone = args.target
        aws.route53.Record(
            f"{name}-name",
            zone_id=zone.zone_id,
            name=args.host_name,
            type="A",
            aliases=[aws.route53.RecordAliasArgs(name=target, zone_id=target_zone, evaluate_target_health=True)],
            opts=child,
        )
        for peer_name, peer in sorted(args.peers.items()):
            logical = f"{name}-zone-{peer_name}"
            if peer.account_id == args.account_id:
                aws.route53.ZoneAssociation(logical, zone_id=zone.zone_id, vpc_id=peer.vpc_id, opts=child)
            else:
                aws.route53.VpcAssociationAuthorization(logical, zone_id=zone.zone_id, vpc_id=peer.vpc_id, opts=child)
        self.zone_id = zone.zone_id
        self.register_outputs({"zone_id": self.zone_id})
