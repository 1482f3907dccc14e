"""Peerings of VPCs, from either side, in moto's EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties
from .ec2 import deletes, tag


def _create_peering(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", inputs)
    ec2 = account.client("ec2")
    connection = ec2.create_vpc_peering_connection(**parameters)["VpcPeeringConnection"]
    identifier: str = connection["VpcPeeringConnectionId"]
    if inputs.get("autoAccept"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=identifier)
    tag(account, identifier, inputs, {})
    return identifier


def _read_peering(account: Account, identifier: str) -> dict[str, Any]:
    found = account.client("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[identifier])
    connections = found["VpcPeeringConnections"]
    status = connections[0]["Status"]["Code"] if connections else "deleted"
    if status == "deleted":
        raise Missing(f"peering connection {identifier}")
    return {"acceptStatus": status}


def _accept(account: Account, inputs: Properties) -> str:
    """Accepting the other side's request; without `autoAccept` the connection is only taken into care."""
    identifier: str = inputs["vpcPeeringConnectionId"]
    _read_peering(account, identifier)
    tag(account, identifier, {"tagsAll": inputs.get("tagsAll")}, {})
    _accept_if_declared(account, identifier, inputs)
    return identifier


def _accept_if_declared(account: Account, identifier: str, inputs: Properties) -> None:
    if inputs.get("autoAccept") and _read_peering(account, identifier)["acceptStatus"] != "active":
        account.client("ec2").accept_vpc_peering_connection(VpcPeeringConnectionId=identifier)


def _update_accepter(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    _accept_if_declared(account, identifier, new)
    tag(account, identifier, new, old)


def _read_accepter(account: Account, identifier: str) -> dict[str, Any]:
    """The connection seen from the accepter: the peer is who requested."""
    found = account.client("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[identifier])
    connection = found["VpcPeeringConnections"][0]
    peer, own = connection["RequesterVpcInfo"], connection["AccepterVpcInfo"]
    return {
        **_read_peering(account, identifier),
        "vpcId": own["VpcId"],
        "peerVpcId": peer["VpcId"],
        "peerOwnerId": peer["OwnerId"],
        "peerRegion": peer["Region"],
    }


BACKED: Final[Mapping[str, Backing]] = {
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": Backing(
        create=_create_peering,
        read=_read_peering,
        update=tag,
        delete=deletes("delete_vpc_peering_connection", "VpcPeeringConnectionId"),
    ),
    # AWS cannot take an acceptance back: the connection stays when this is deleted.
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": Backing(
        create=_accept, read=_read_accepter, update=_update_accepter
    ),
}
