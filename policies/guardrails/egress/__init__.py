"""Egress: no packet, name query or call has a way out of the VPC, its peers, the cluster or the host."""

from ..rules import Rule
from . import (
    cluster,
    containers,
    dns,
    endpoints,
    fields,
    ipv6,
    load_balancers,
    network_policies,
    peering,
    pods,
    routes,
    security_groups,
    services,
    vpc,
    vpn,
)

RULES: tuple[Rule, ...] = (
    *vpc.RULES,
    *ipv6.RULES,
    *peering.RULES,
    *vpn.RULES,
    *routes.RULES,
    *security_groups.RULES,
    *endpoints.RULES,
    *dns.RULES,
    *load_balancers.RULES,
    *cluster.RULES,
    *services.RULES,
    *network_policies.RULES,
    *pods.RULES,
    *containers.RULES,
    *fields.RULES,
)
