"""Every way into the platform, declared, and what its other side has to do."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pulumi import Output

from components.catalog.vpc_endpoints import endpoint_services, shared_name
from components.layers.network_foundation import Foundation
from components.network import client_side
from components.network.client_side import Side
from components.network.endpoints import Endpoints
from components.network.front import Front
from components.network.peering import Peering, PeeringArgs
from components.network.private_link import PrivateLink, PrivateLinkArgs
from components.network.private_name import PrivateName, PrivateNameArgs
from components.network.vpn import Vpn, VpnArgs
from components.settings.network import Peering as PeeringSettings

PrivateNames = Mapping[str, tuple[Output[str], Mapping[str, PeeringSettings]]]
"""Host name -> its hosted zone, and the peers that may resolve it."""


def ways_in(base: Foundation, endpoints: Endpoints, front: Front | None) -> dict[str, Output[str]]:
    """Declare peerings, private names, the endpoint service and VPNs; name of each -> commands for its other side."""
    names = _private_names(base, endpoints, front)
    return {**_peerings(base, names), **_private_link(base, front), **_vpns(base)}


def _private_names(base: Foundation, endpoints: Endpoints, front: Front | None) -> PrivateNames:
    """The gateway's name, and the names of AWS services that peers may use."""
    network = base.settings.network
    found: dict[str, tuple[str, tuple[Output[str], Output[str]], Mapping[str, PeeringSettings]]] = {}
    if front is not None and network.front is not None:
        peers = {key: peer for key, peer in network.peerings.items() if "gateway" in peer.reaches}
        found[network.front.host_name] = ("front", (front.dns_name, front.hosted_zone_id), peers)
    for service in endpoint_services(network.enabled_uses):
        name = shared_name(service, base.settings.region)
        if name is not None and service.suffix in endpoints.names:
            peers = {key: peer for key, peer in network.peerings.items() if service.suffix in peer.services}
            logical = f"endpoints-{service.suffix.replace('.', '-')}"
            found[name] = (logical, endpoints.names[service.suffix], peers)
    return {
        host_name: (
            PrivateName(
                logical,
                PrivateNameArgs(
                    host_name=host_name,
                    target=target,
                    account_id=base.settings.account_id,
                    vpc_id=base.vpc_id,
                    peers=peers,
                ),
                opts=base.ours,
            ).zone_id,
            peers,
        )
        for host_name, (logical, target, peers) in found.items()
    }


def _peerings(base: Foundation, names: PrivateNames) -> dict[str, Output[str]]:
    told = {}
    for name, peer in base.settings.network.peerings.items():
        peering = Peering(
            f"peering-{name}",
            PeeringArgs(
                peer=peer,
                account_id=base.settings.account_id,
                vpc_id=base.vpc_id,
                route_table_ids=base.subnets.front_table_ids,
            ),
            opts=base.ours,
        )
        zone_ids = {host_name: zone_id for host_name, (zone_id, peers) in names.items() if name in peers}
        told[f"peering {name}"] = _told(
            base, partial(_for_peer, peer), {"connection": peering.connection_id, "zones": zone_ids}
        )
    return told


def _private_link(base: Foundation, front: Front | None) -> dict[str, Output[str]]:
    private_link = base.settings.network.private_link
    if private_link is None or front is None:
        return {}
    service = PrivateLink(
        "private-link",
        PrivateLinkArgs(
            region=base.settings.region, balancer_arn=front.balancer_arn, principals=private_link.principals
        ),
        opts=base.ours,
    )
    return {
        "private link": _told(base, partial(_for_consumers, private_link.principals), {"service": service.service_name})
    }


def _vpns(base: Foundation) -> dict[str, Output[str]]:
    network = base.settings.network
    if not network.vpns:
        return {}
    vpn = Vpn(
        "vpn",
        VpnArgs(
            names=base.names,
            cidr=network.cidr,
            vpc_id=base.vpc_id,
            places=network.vpns,
            route_table_ids=base.subnets.front_table_ids,
            key_arn=base.key_arn,
            retention_days=base.settings.cluster.log_retention_days,
        ),
        opts=base.ours,
    )
    return {
        f"vpn {name}": _told(base, partial(_for_device, place.cidrs), {"connection": vpn.connection_ids[name]})
        for name, place in network.vpns.items()
    }


def _for_peer(peer: PeeringSettings, side: Side, known: Mapping[str, Any]) -> str:
    return client_side.peering(side, peer, known["connection"], known["zones"])


def _for_consumers(principals: Sequence[str], side: Side, known: Mapping[str, Any]) -> str:
    return client_side.private_link(side, known["service"], principals)


def _for_device(cidrs: Sequence[str], side: Side, known: Mapping[str, Any]) -> str:
    return client_side.vpn(side, known["connection"], cidrs)


def _told(base: Foundation, tell: Callable[[Side, Mapping[str, Any]], str], known: Mapping[str, Any]) -> Output[str]:
    """The text for the other side, once what it names is there."""

    def text(values: Mapping[str, Any]) -> str:
        side = Side(
            region=base.settings.region,
            account_id=base.settings.account_id,
            cidrs={zone: place.endpoint_cidr for zone, place in base.addresses.zones.items()},
            front=base.settings.network.front,
        )
        return tell(side, values)

    return Output.all(**known).apply(text)
