"""Peering: with declared networks only; which requests a stack may accept, the estate policy tells."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/vpc/latest/peering/what-is-vpc-peering.html"


@rule(
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    fix="Declare the peer in estate.yaml.",
    source=_SOURCE,
    severity="critical",
)
def egress_peer_is_declared(peering: Resource) -> Iterator[str]:
    """A VPC is peered with networks of the estate only."""
    for peer in peering.estate.peers:
        if peering.get("peerVpcId") == peer.vpc_id and peering.get("peerOwnerId") in (None, peer.account):
            if peering.get("peerRegion") not in (None, "", peer.region):
                yield f"peerRegion is {peering.get('peerRegion')!r}, and peer {peer.name} lies in {peer.region}"
            return
    yield f"peer {peering.get('peerVpcId')!r} of account {peering.get('peerOwnerId')!r} is not in the estate"


RULES: tuple[Rule, ...] = (egress_peer_is_declared,)
