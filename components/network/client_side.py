"""What the other side of each way in has to do, as text to hand over: routes, names, endpoints, devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.settings.network import Front, Peering


@dataclass(frozen=True, kw_only=True)
class Side:
    """Ours, as others need to know it.

    Attributes:
        region: of both sides.
        account_id: ours.
        cidrs: zone -> range that callers reach; they need a route to these and to nothing else of ours.
        front: the gateway's name, or None.
    """

    region: str
    account_id: str
    cidrs: Mapping[str, str]
    front: Front | None


def peering(side: Side, peer: Peering, connection_id: str, zone_ids: Mapping[str, str]) -> str:
    """Commands for the owner of a peer VPC.

    Args:
        side: ours.
        peer: theirs.
        connection_id: the peering connection.
        zone_ids: private name -> hosted zone that the peer may associate.
    """
    lines = [f"# In account {peer.account_id}, for VPC {peer.vpc_id} ({peer.cidr}):"]
    if peer.connection_id is None and peer.account_id != side.account_id:
        lines.append(
            f"aws ec2 accept-vpc-peering-connection --region {side.region} --vpc-peering-connection-id {connection_id}"
        )
    lines.append("# for each route table whose machines are clients:")
    lines += [
        f"aws ec2 create-route --region {side.region} --route-table-id rtb-… --destination-cidr-block {cidr} "
        f"--vpc-peering-connection-id {connection_id}"
        for cidr in side.cidrs.values()
    ]
    if peer.account_id != side.account_id:
        lines += [
            f"aws route53 associate-vpc-with-hosted-zone --hosted-zone-id {zone_id} "
            f"--vpc VPCRegion={side.region},VPCId={peer.vpc_id}  # {name}"
            for name, zone_id in zone_ids.items()
        ]
    return "\n".join([*lines, *_client(side, f"their security groups and network ACLs: tcp 443 to {_all(side)}")])


def private_link(side: Side, service_name: str, principals: Sequence[str]) -> str:
    """Commands for a consumer of the endpoint service, and for us to accept it."""
    return "\n".join(
        [
            f"# As {' or '.join(principals)}, in a VPC of {side.region}; the group admits tcp 443 from its clients:",
            f"aws ec2 create-vpc-endpoint --region {side.region} --vpc-endpoint-type Interface --vpc-id vpc-… "
            f"--subnet-ids subnet-… --security-group-ids sg-… --service-name {service_name}",
            f"# In account {side.account_id}, once the request is known:",
            f"aws ec2 accept-vpc-endpoint-connections --region {side.region} --service-id "
            f"{service_name.rpartition('.')[2]} --vpc-endpoint-ids vpce-…",
            *_name(side, "an alias record to the endpoint's DNS name, in a private zone of that name"),
        ]
    )


def vpn(side: Side, connection_id: str, cidrs: Sequence[str]) -> str:
    """Commands and facts for those who run the device on premises."""
    return "\n".join(
        [
            f"# Configuration for the device, in account {side.account_id} (keys are in Secrets Manager):",
            f"aws ec2 describe-vpn-connections --region {side.region} --vpn-connection-ids {connection_id}",
            f"# Routes on premises: {_all(side)} into the tunnels; AWS routes back to {', '.join(cidrs)} only",
            *_name(side, f"a record on the name servers there, to the addresses of the load balancer in {_all(side)}"),
        ]
    )


def _all(side: Side) -> str:
    return ", ".join(side.cidrs.values())


def _client(side: Side, rule: str) -> list[str]:
    url = [f"# then: https://{side.front.host_name}/v1"] if side.front else []
    return [f"# {rule}", *url]


def _name(side: Side, how: str) -> list[str]:
    return [f"# {side.front.host_name} must resolve there: {how}"] if side.front else []
