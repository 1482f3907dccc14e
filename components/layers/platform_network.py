"""The platform's network: the VPC, what watches over it, what leads into it, what stands in front of the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output, ResourceOptions

from components.catalog.names import Names
from components.cluster.runner import Runner, RunnerArgs
from components.layers.network_foundation import Addresses, Foundation, storage_cidrs
from components.layers.ways_in import ways_in
from components.network.access_lists import AccessLists, AccessListsArgs
from components.network.endpoints import Endpoints, EndpointsArgs
from components.network.flow_log import FlowLog, FlowLogArgs
from components.network.front import Front, FrontArgs
from components.network.layout import ZoneLayout, layout
from components.network.name_firewall import NameFirewall, NameFirewallArgs
from components.network.subnets import Subnets, SubnetsArgs
from components.network.vpc import Vpc, VpcArgs
from components.observability.alarm_topic import AlarmTopic
from components.settings.layer import PlatformSettings
from components.storage.access_logs import AccessLogs, AccessLogsArgs
from components.storage.keys import Keys


@dataclass(frozen=True, kw_only=True)
class PlatformNetwork:
    """What cluster and exports need to know of the network.

    Attributes:
        front: None where only pods of the cluster call the gateway.
        exports: what other layers and people learn of the network.
    """

    addresses: Addresses
    vpc_id: Output[str]
    subnets: Subnets
    endpoints: Endpoints
    front: Front | None
    exports: Mapping[str, Input[Any]]


def platform_network(
    settings: PlatformSettings, names: Names, keys: Keys, alarms: AlarmTopic, ours: ResourceOptions
) -> PlatformNetwork:
    """Declare the network, what watches over it, and every way in."""
    network = settings.network
    addresses = Addresses(zones=layout(network.cidr, settings.zones, network.pod_cidr), runner="runner" in network.uses)
    vpc = Vpc("network", VpcArgs(region=settings.region, cidr=network.cidr, pod_cidr=network.pod_cidr), opts=ours)
    subnets = Subnets(
        "network", SubnetsArgs(vpc_id=vpc.vpc_id, zones=addresses.zones, runner=addresses.runner), opts=ours
    )
    base = Foundation(
        settings=settings,
        names=names,
        addresses=addresses,
        vpc_id=vpc.vpc_id,
        subnets=subnets,
        key_arn=keys.storage_key_arn,
        ours=ours,
    )
    _filters(base, alarms)
    endpoints = _endpoints(base)
    front = _front(base)
    exports: dict[str, Input[Any]] = {
        "address_plan": {zone: _described(place) for zone, place in addresses.zones.items()},
        "endpoint_ids": endpoints.endpoint_ids,
        "storage_cidrs": list(storage_cidrs(settings)),
        "ways_in": ways_in(base, endpoints, front),
    }
    if front is not None and network.front is not None:
        exports["gateway_url"] = f"https://{network.front.host_name}"
        exports["gateway_target_group_arn"] = front.target_group_arn
    if addresses.runner:
        runner = Runner(
            "runner",
            RunnerArgs(
                vpc_id=vpc.vpc_id,
                endpoint_cidrs=addresses.endpoints,
                storage_prefix_list_id=endpoints.storage_prefix_list_id,
            ),
            opts=ours,
        )
        exports["runner_subnet_ids"] = subnets.runner_subnet_ids
        exports["runner_security_group_id"] = runner.security_group_id
    return PlatformNetwork(
        addresses=addresses, vpc_id=vpc.vpc_id, subnets=subnets, endpoints=endpoints, front=front, exports=exports
    )


def _described(place: ZoneLayout) -> dict[str, Any]:
    return {
        "node_cidr": place.node_cidr,
        "pod_cidr": place.pod_cidr,
        "endpoint_cidr": place.endpoint_cidr,
        "runner_cidr": place.runner_cidr,
        "addresses_for_nodes_and_pods": place.addresses,
    }


def _filters(base: Foundation, alarms: AlarmTopic) -> None:
    """What refuses, and what writes down."""
    settings, network = base.settings, base.settings.network
    retention = settings.cluster.log_retention_days
    AccessLists(
        "network",
        AccessListsArgs(
            vpc_id=base.vpc_id,
            inner_subnet_ids=base.subnets.inner_subnet_ids,
            front_subnet_ids=list(base.subnets.endpoint_subnet_ids.values()),
            vpc_cidrs=network.vpc_cidrs,
            storage_cidrs=storage_cidrs(settings),
            caller_cidrs=network.routed_cidrs,
        ),
        opts=base.ours,
    )
    FlowLog(
        "flow-log",
        FlowLogArgs(names=base.names, vpc_id=base.vpc_id, key_arn=base.key_arn, retention_days=retention),
        opts=base.ours,
    )
    NameFirewall(
        "name-firewall",
        NameFirewallArgs(
            names=base.names,
            uses=network.enabled_uses,
            host_names=[network.front.host_name] if network.front else [],
            state_bucket=network.state_bucket,
            vpc_id=base.vpc_id,
            key_arn=base.key_arn,
            retention_days=retention,
            alarm_topic_arn=alarms.topic_arn,
        ),
        opts=base.ours,
    )


def _endpoints(base: Foundation) -> Endpoints:
    network, subnets = base.settings.network, base.subnets
    sharers: dict[str, dict[str, str]] = {}
    for name, peer in network.peerings.items():
        for suffix in peer.services:
            sharers.setdefault(suffix, {})[name] = peer.cidr
    return Endpoints(
        "endpoints",
        EndpointsArgs(
            names=base.names,
            uses=network.enabled_uses,
            organisation=network.organisation,
            state_bucket=network.state_bucket,
            vpc_id=base.vpc_id,
            subnet_ids=list(subnets.endpoint_subnet_ids.values()),
            route_table_ids=[*subnets.inner_table_ids.values(), *subnets.front_table_ids.values()],
            client_cidrs=[*base.addresses.inner, *base.addresses.runners],
            shared=sharers,
        ),
        opts=base.ours,
    )


def _front(base: Foundation) -> Front | None:
    network = base.settings.network
    if network.front is None:
        return None
    logs = AccessLogs(
        "access-logs",
        AccessLogsArgs(names=base.names, key_arn=base.key_arn, log_days=network.front.log_days),
        opts=base.ours,
    )
    return Front(
        "front",
        FrontArgs(
            names=base.names,
            settings=network.front,
            vpc_id=base.vpc_id,
            subnet_ids=list(base.subnets.endpoint_subnet_ids.values()),
            caller_cidrs=[*network.callers("gateway"), *base.addresses.runners],
            pod_cidrs=base.addresses.inner,
            private_link=network.private_link is not None,
            log_bucket=logs.bucket,
            after=[logs],
        ),
        opts=base.ours,
    )
