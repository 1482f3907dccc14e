"""What a platform has beside its machines: counted from its settings, priced line by line."""

from dataclasses import dataclass
from typing import Final

from components.catalog.prices import HOURS_PER_MONTH
from components.catalog.transfer import Flow, transfer_costs
from components.catalog.vpc_endpoints import enabled_uses, endpoint_services
from components.settings.layer import PlatformSettings
from operations.bill import USAGES, Assumed, CostRow, fixed, some, used

KMS_KEYS: Final = 2  # storage and signing, components/storage/keys.py
ALARMS: Final = 1  # blocked name queries, components/network/name_firewall.py


@dataclass(frozen=True, kw_only=True)
class PlatformParts:
    """What the platform has whether or not anybody asks a model.

    Attributes:
        zones: availability zones.
        interface_endpoints: interface endpoints in every zone; gateway endpoints cost nothing.
        kms_keys: customer managed keys.
        load_balancers: in front of the gateway.
        vpn_connections: to places on premises.
        private_zones: private hosted zones.
        alarms: CloudWatch alarms.
        transfer: what moves, and the price of a GB.
    """

    zones: int
    interface_endpoints: int
    kms_keys: int
    load_balancers: int = 0
    vpn_connections: int = 0
    private_zones: int = 0
    alarms: int = 0
    transfer: tuple[Flow, ...] = ()


def parts_of(platform: PlatformSettings) -> PlatformParts:
    """What a platform has beside its machines, counted from its settings."""
    network = platform.network
    fronts = 0 if network.front is None else 1
    uses = enabled_uses((*network.uses, *(["front"] if fronts else [])))
    shared = {service for peering in network.peerings.values() for service in peering.services}
    return PlatformParts(
        zones=len(platform.zones),
        interface_endpoints=sum(service.kind == "Interface" for service in endpoint_services(uses)),
        kms_keys=KMS_KEYS,
        load_balancers=fronts,
        vpn_connections=len(network.vpns),
        private_zones=fronts + len(shared),
        alarms=ALARMS,
        transfer=transfer_costs(
            platform.region,
            zones=len(platform.zones),
            cross_zone=network.front is not None and network.front.cross_zone,
            peers=tuple(network.peerings),
            private_link=network.private_link is not None,
            vpns=tuple(network.vpns),
            uses=uses,
        ),
    )


def platform_costs(region: str, parts: PlatformParts, weights_gb: float, assumed: Assumed) -> tuple[CostRow, ...]:
    """The bill without machines.

    Args:
        region: where.
        parts: what there is.
        weights_gb: in the weight cache.
        assumed: what is used in a month.
    """
    hours = HOURS_PER_MONTH
    return (
        fixed("EKS control plane", "eks-control-plane-hour", region, hours),
        fixed(
            "interface endpoints",
            "interface-endpoint-zone-hour",
            region,
            parts.interface_endpoints * parts.zones * hours,
        ),
        fixed("KMS keys", "kms-key-month", region, parts.kms_keys),
        *some("weights in S3", "s3-standard-gb-month", region, weights_gb),
        *some("network load balancer", "nlb-hour", region, parts.load_balancers * hours),
        *some("VPN connections", "vpn-connection-hour", region, parts.vpn_connections * hours),
        *some("private hosted zones", "private-zone-month", region, parts.private_zones),
        *some("alarms", "alarm-month", region, parts.alarms),
        *used(USAGES, region, assumed),
    )
