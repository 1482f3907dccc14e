"""What all nodes share: their role, and the filter around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names
from components.cluster.tls_egress import tls_egress

# Addresses for pods come through EKS Pod Identity, so the CNI's policy is not here.
NODE_POLICIES: Final = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
GATEWAY_PORT: Final = 8443
CONTROL_PLANE_PORTS: Final = ((443, 443), (1025, 65535))


@dataclass(frozen=True, kw_only=True)
class NodesArgs:
    """Who nodes talk to.

    Attributes:
        names: physical names of the platform.
        vpc_id: the VPC.
        control_plane_group_id: security group of the control plane's interfaces.
        endpoint_cidrs: ranges of the endpoints and of the control plane's interfaces.
        storage_prefix_list_id: what security groups call S3.
        front_group_id: security group of the gateway's load balancer, or None where there is none.
    """

    names: Names
    vpc_id: Input[str]
    control_plane_group_id: Input[str]
    endpoint_cidrs: Sequence[str]
    storage_prefix_list_id: Input[str]
    front_group_id: Input[str] | None


class Nodes(pulumi.ComponentResource):
    """A role that joins the cluster and pulls images, and a security group that leads to endpoints and S3 only.

    Outputs:
        role_arn: str.
        security_group_id: str.
    Source: EKS User Guide, "Amazon EKS node IAM role".
    """

    role_arn: Output[str]
    security_group_id: Output[str]

    def __init__(self, name: str, args: NodesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:Nodes", name, None, opts)
        child = ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=args.names.role("nodes"),
            description="Nodes join the cluster and pull images; pods have roles of their own",
            assume_role_policy=iam.trust("ec2", args.names.region, None),
            opts=child,
        )
        for policy in NODE_POLICIES:
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=role.name,
                policy_arn=iam.managed_policy_arn(args.names.region, policy),
                opts=child,
            )
        group = self._group(f"{name}-group", args)
        self.role_arn, self.security_group_id = role.arn, group.id
        self.register_outputs({"role_arn": role.arn, "security_group_id": group.id})

    def _group(self, name: str, args: NodesArgs) -> aws.ec2.SecurityGroup:
        """Names of hosts need no rule: security groups do not see the VPC's resolver, the name firewall does."""
        front = (
            []
            if args.front_group_id is None
            else [
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=GATEWAY_PORT,
                    to_port=GATEWAY_PORT,
                    security_groups=[args.front_group_id],
                    description="Gateway's load balancer",
                )
            ]
        )
        return aws.ec2.SecurityGroup(
            name,
            description="Nodes and pods: each other, the control plane, endpoints; nothing outside the VPC but S3",
            vpc_id=args.vpc_id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="-1", from_port=0, to_port=0, self=True, description="Nodes and pods among themselves"
                ),
                *(
                    aws.ec2.SecurityGroupIngressArgs(
                        protocol="tcp",
                        from_port=first,
                        to_port=last,
                        security_groups=[args.control_plane_group_id],
                        description="Control plane to kubelets and webhooks",
                    )
                    for first, last in CONTROL_PLANE_PORTS
                ),
                *front,
            ],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="-1", from_port=0, to_port=0, self=True, description="Nodes and pods among themselves"
                ),
                *tls_egress(args.endpoint_cidrs, args.storage_prefix_list_id),
            ],
            revoke_rules_on_delete=True,
            opts=ResourceOptions(parent=self),
        )
