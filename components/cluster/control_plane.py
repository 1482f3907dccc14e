"""The Kubernetes control plane, reachable from inside the VPC only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names
from components.settings.cluster import Cluster

LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
NODE_PORTS: Final = ((443, 443), (1025, 65535))
"""Where nodes answer the control plane. Source: EKS User Guide, "Security group requirements"."""


@dataclass(frozen=True, kw_only=True)
class ControlPlaneArgs:
    """The cluster and its place in the network.

    Attributes:
        names: physical names of the platform.
        cluster: version, log retention.
        vpc_id: the VPC.
        subnet_ids: one small subnet for each zone.
        client_cidrs: ranges whose machines may call the Kubernetes API.
        node_cidrs: ranges of nodes and pods.
        key_arn: encrypts Kubernetes secrets and the control plane's logs.
    """

    names: Names
    cluster: Cluster
    vpc_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    client_cidrs: Sequence[str]
    node_cidrs: Sequence[str]
    key_arn: Input[str]


class ControlPlane(pulumi.ComponentResource):
    """An EKS cluster without public endpoint, whose creator has no rights in it and whose secrets are encrypted.

    Outputs:
        cluster_name: str.
        endpoint: https URL inside the VPC.
        certificate_authority: base64 PEM.
        security_group_id: of the control plane's interfaces.
    Source: EKS User Guide, "Deploy private clusters with limited internet access".
    """

    cluster_name: Output[str]
    endpoint: Output[str]
    certificate_authority: Output[str]
    security_group_id: Output[str]

    def __init__(self, name: str, args: ControlPlaneArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:ControlPlane", name, None, opts)
        child = ResourceOptions(parent=self)
        names = args.names
        role = aws.iam.Role(
            f"{name}-role",
            name=names.role("cluster"),
            description="The EKS control plane",
            assume_role_policy=iam.trust("eks", names.region, names.account_id),
            opts=child,
        )
        rights = aws.iam.RolePolicyAttachment(
            f"{name}-rights",
            role=role.name,
            policy_arn=iam.managed_policy_arn(names.region, "AmazonEKSClusterPolicy"),
            opts=child,
        )
        # EKS would create this group itself, without end of retention and without our key.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{names.cluster}/cluster",
            kms_key_id=args.key_arn,
            retention_in_days=args.cluster.log_retention_days,
            opts=child,
        )
        group = self._security_group(f"{name}-group", args)
        cluster = aws.eks.Cluster(
            f"{name}-cluster",
            name=names.cluster,
            version=args.cluster.kubernetes_version,
            role_arn=role.arn,
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=list(args.subnet_ids),
                security_group_ids=[group.id],
                endpoint_private_access=True,
                endpoint_public_access=False,
                control_plane_egress_mode="CUSTOMER_ROUTED",
            ),
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=args.key_arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=list(LOG_TYPES),
            bootstrap_self_managed_addons=False,
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            opts=ResourceOptions(parent=self, depends_on=[rights, logs]),
        )
        self.cluster_name = cluster.name
        self.endpoint = cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.data
        self.security_group_id = group.id
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "endpoint": self.endpoint,
                "certificate_authority": self.certificate_authority,
                "security_group_id": self.security_group_id,
            }
        )

    def _security_group(self, name: str, args: ControlPlaneArgs) -> aws.ec2.SecurityGroup:
        """The API is open to known ranges; the control plane calls nodes and the VPC's endpoints."""
        return aws.ec2.SecurityGroup(
            name,
            description="Control plane: API from known ranges, kubelets and webhooks on nodes",
            vpc_id=args.vpc_id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_blocks=list(args.client_cidrs),
                    description="Kubernetes API",
                )
            ],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="tcp",
                    from_port=first,
                    to_port=last,
                    cidr_blocks=list(args.node_cidrs),
                    description="Kubelets and webhooks on nodes",
                )
                for first, last in NODE_PORTS
            ],
            revoke_rules_on_delete=True,
            opts=ResourceOptions(parent=self),
        )
