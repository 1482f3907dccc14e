"""EKS: the API server is private, and neither it nor its add-ons open a way out."""

from collections.abc import Iterator

from ..addresses import inside
from ..findings import Resource, document
from ..reader import PRIVATE_RANGES
from ..rules import Rule, rule

_EKS = "https://docs.aws.amazon.com/eks/latest/userguide/"
_CLUSTER = "aws:eks/cluster:Cluster"


@rule(
    _CLUSTER,
    fix="Set endpointPublicAccess to false and endpointPrivateAccess to true.",
    source=f"{_EKS}cluster-endpoint.html",
    severity="critical",
)
def egress_cluster_endpoint_is_private(cluster: Resource) -> Iterator[str]:
    """The API server is reached from inside the VPC only."""
    if cluster.get("vpcConfig.endpointPublicAccess") is not False:
        yield "vpcConfig.endpointPublicAccess is not false"
    if cluster.get("vpcConfig.endpointPrivateAccess") is not True:
        yield "vpcConfig.endpointPrivateAccess is not true"
    if cluster.get("vpcConfig.publicAccessCidrs"):
        yield "vpcConfig.publicAccessCidrs is set"


@rule(_CLUSTER, fix="Set vpcConfig.controlPlaneEgressMode to CUSTOMER_ROUTED.", source=f"{_EKS}cluster-endpoint.html")
def egress_control_plane_uses_the_vpc(cluster: Resource) -> Iterator[str]:
    """The API server's own calls go through the VPC, where there is no way out."""
    mode = cluster.get("vpcConfig.controlPlaneEgressMode")
    if mode not in ("CUSTOMER_ROUTED", "CUSTOMER_ISOLATED"):
        yield f"vpcConfig.controlPlaneEgressMode is {mode or 'AWS_MANAGED'!r}"


@rule(_CLUSTER, fix="Remove the setting.", source=f"{_EKS}hybrid-nodes-overview.html")
def egress_cluster_stays_in_the_vpc(cluster: Resource) -> Iterator[str]:
    """A cluster has no nodes, pods or control plane outside the VPC."""
    for key in ("remoteNetworkConfig", "outpostConfig"):
        if cluster.get(key):
            yield f"{key} is set"
    services = cluster.get("kubernetesNetworkConfig.serviceIpv4Cidr")
    if services and not inside(services, PRIVATE_RANGES):
        yield f"kubernetesNetworkConfig.serviceIpv4Cidr {services!r} is no private range"
    if cluster.get("kubernetesNetworkConfig.ipFamily") not in (None, "ipv4"):
        yield f"kubernetesNetworkConfig.ipFamily is {cluster.get('kubernetesNetworkConfig.ipFamily')!r}"


@rule(_CLUSTER, fix="Declare node groups; leave computeConfig out.", source=f"{_EKS}automode.html", severity="medium")
def egress_cluster_nodes_are_declared(cluster: Resource) -> Iterator[str]:
    """Nodes come from declared node groups, not from Auto Mode's built-in pools."""
    if cluster.get("computeConfig.enabled"):
        yield "computeConfig.enabled is true"


@rule(
    "aws:eks/addon:Addon",
    fix='Set enableNetworkPolicy to "true" in the vpc-cni add-on\'s configurationValues.',
    source=f"{_EKS}cni-network-policy.html",
)
def egress_network_policies_are_enforced(addon: Resource) -> Iterator[str]:
    """The CNI add-on enforces network policies."""
    if addon.get("addonName") != "vpc-cni":
        return
    configuration = document(addon.get("configurationValues")) or {}
    if str(configuration.get("enableNetworkPolicy")).lower() != "true":
        yield "configurationValues.enableNetworkPolicy is not true"


RULES: tuple[Rule, ...] = (
    egress_cluster_endpoint_is_private,
    egress_control_plane_uses_the_vpc,
    egress_cluster_stays_in_the_vpc,
    egress_cluster_nodes_are_declared,
    egress_network_policies_are_enforced,
)
