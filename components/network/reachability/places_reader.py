"""What has an address inside a planned VPC: machines, pods, endpoints, the load balancer, the control plane."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from components.network.reachability.filters_reader import CLUSTER_GROUP, DEFAULT_GROUP, GROUP, VPC_DEFAULT_GROUP
from components.network.reachability.kubernetes_reader import ClusterPod
from components.network.reachability.model import Front, Place, PlaceKind, Subnet, SubnetKind
from components.network.reachability.references import References, Resource, UnreadablePlanError
from components.network.reachability.routes_reader import ENDPOINT, SUBNET

BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
RUNNER_GROUP: Final = "runner-group"
# Which address of a subnet stands for what; AWS keeps the first four and the last for itself.
FRONT, CONTROL_PLANE, RUNNER, ENDPOINTS, NODES, PODS = 4, 5, 5, 8, 10, 20


def read_front(found: References) -> Front | None:
    """The one load balancer of the plan, None if there is none.

    Raises:
        UnreadablePlanError: there are several, or it listens without targets.
    """
    balancers = list(found.of(BALANCER))
    if not balancers:
        return None
    targets = list(found.of("aws:lb/targetGroup:TargetGroup"))
    if len(balancers) > 1 or len(targets) != 1:
        raise UnreadablePlanError(
            f"{len(balancers)} load balancers, {len(targets)} target groups; expected one of each"
        )
    [balancer], [target] = balancers, targets
    return Front(
        name=balancer.name,
        listeners=tuple(int(each.inputs["port"]) for each in found.of("aws:lb/listener:Listener")),
        target_port=int(target.inputs["port"]),
        cross_zone=bool(balancer.inputs.get("enableCrossZoneLoadBalancing")),
        # Off unless asked for, where targets are addresses and speak TLS.
        keeps_client_address=str(target.inputs.get("preserveClientIp")).lower() == "true",
        filters_private_link=balancer.inputs.get("enforceSecurityGroupInboundRulesOnPrivateLinkTraffic") != "off",
    )


def read_inside(
    found: References, subnets: Mapping[str, Subnet], pods: Mapping[str, ClusterPod], front: Front | None
) -> list[Place]:
    """Every interface of the VPC, one for each role in each zone."""
    return [
        *_machines(found, subnets, pods),
        *_endpoints(found, subnets),
        *(_balancer(found, subnets) if front else ()),
        *_control_plane(found, subnets),
        *_runners(found, subnets),
    ]


def _interface(
    subnet: Subnet, role: str, kind: PlaceKind, offset: int, groups: Sequence[str], title: str, part: str = ""
) -> Place:
    return Place(
        name=f"{role}{part}-{subnet.zone}",
        role=role,
        kind=kind,
        address=subnet.cidr[offset],
        title=title,
        zone=subnet.zone,
        subnet=subnet.name,
        groups=tuple(groups),
    )


def _machines(found: References, subnets: Mapping[str, Subnet], pods: Mapping[str, ClusterPod]) -> Iterator[Place]:
    """Nodes, and on them pods, whose interfaces carry the nodes' groups wherever their addresses come from.

    Source: EKS User Guide, "Amazon VPC CNI" and "Configure subnet selection".
    """
    seen: list[tuple[str, ...]] = []
    for pool in found.of("aws:eks/nodeGroup:NodeGroup"):
        groups = _machine_groups(found, pool)
        if groups in seen:
            continue
        seen.append(groups)
        key = "" if len(seen) == 1 else f"-{pool.name}"
        nodes = [subnets[name] for name in found.names(pool, "subnetIds", pool.inputs["subnetIds"], SUBNET)]
        for subnet in nodes:
            yield _interface(subnet, f"node{key}", "node", NODES + len(seen) - 1, groups, "node")
        # Pods of one pool stand for all: what runs where is the scheduler's choice.
        for place in [*nodes, *_of_kind(subnets, "pods")]:
            part = "-pods" if place.kind == "pods" else ""
            first = PODS + (len(seen) - 1) * len(pods)
            for number, (role, pod) in enumerate(pods.items(), start=first):
                yield pod.at(_interface(place, f"{role}{key}", "pod", number, groups, pod.title, part))


def _machine_groups(found: References, pool: Resource) -> tuple[str, ...]:
    """Groups that the launch template names; EKS puts its own around machines only where there is none."""
    for template in found.sources(pool, "launchTemplate", LAUNCH_TEMPLATE):
        inputs = template.inputs
        ids = [*inputs.get("vpcSecurityGroupIds", []), *_interface_groups(inputs.get("networkInterfaces", []))]
        key = "vpcSecurityGroupIds" if inputs.get("vpcSecurityGroupIds") else "networkInterfaces"
        if ids:
            return tuple(found.names(template, key, ids, GROUP, DEFAULT_GROUP))
    return (CLUSTER_GROUP,)


def _interface_groups(interfaces: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for interface in interfaces:
        yield from interface.get("securityGroups", [])


def _endpoints(found: References, subnets: Mapping[str, Subnet]) -> Iterator[Place]:
    interfaces = [each for each in found.of(ENDPOINT) if each.inputs.get("vpcEndpointType") == "Interface"]
    for number, endpoint in enumerate(sorted(interfaces, key=lambda each: each.name), start=ENDPOINTS):
        groups = found.names(endpoint, "securityGroupIds", endpoint.inputs.get("securityGroupIds", []), GROUP)
        service = str(endpoint.inputs["serviceName"]).split(".", 3)[-1]
        for name in found.names(endpoint, "subnetIds", endpoint.inputs["subnetIds"], SUBNET):
            yield _interface(
                subnets[name], endpoint.name, "endpoint", number, groups or [VPC_DEFAULT_GROUP], f"endpoint {service}"
            )


def _balancer(found: References, subnets: Mapping[str, Subnet]) -> Iterator[Place]:
    """Interfaces of the load balancer; without groups it has no filter at all, not the VPC's default.

    Source: NLB User Guide, "Update the security groups for your Network Load Balancer".
    """
    for balancer in found.of(BALANCER):
        groups = found.names(balancer, "securityGroups", balancer.inputs.get("securityGroups", []), GROUP)
        for name in found.names(balancer, "subnets", balancer.inputs["subnets"], SUBNET):
            yield _interface(subnets[name], "front", "front", FRONT, groups, "load balancer")


def _control_plane(found: References, subnets: Mapping[str, Subnet]) -> Iterator[Place]:
    """Interfaces of the control plane: EKS puts its own group around them besides those that we name."""
    for cluster in found.of("aws:eks/cluster:Cluster"):
        config = cluster.inputs["vpcConfig"]
        groups = found.names(cluster, "vpcConfig", config.get("securityGroupIds", []), GROUP)
        for name in found.names(cluster, "vpcConfig", config["subnetIds"], SUBNET):
            yield _interface(
                subnets[name],
                "control-plane",
                "control-plane",
                CONTROL_PLANE,
                [*groups, CLUSTER_GROUP],
                "Kubernetes API",
            )


def _runners(found: References, subnets: Mapping[str, Subnet]) -> Iterator[Place]:
    """Machines that deploy from inside: not planned themselves, but their subnets and their group are."""
    if any(group.name == RUNNER_GROUP for group in found.of(GROUP)):
        for subnet in _of_kind(subnets, "runner"):
            yield _interface(subnet, "runner", "runner", RUNNER, [RUNNER_GROUP], "deployment runner")


def _of_kind(subnets: Mapping[str, Subnet], kind: SubnetKind) -> list[Subnet]:
    return [subnet for subnet in subnets.values() if subnet.kind == kind]
