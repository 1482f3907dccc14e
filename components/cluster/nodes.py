"""What all nodes share: their role, and the filter around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names

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
        vpc_cidr: its range; nodes call nothing outside it.
        control_plane_cidrs: ranges of the control plane's interfaces.
        client_cidrs: ranges whose machines may call the gateway.
    """

    names: Names
    vpc_id: Input[str]
    vpc_cidr: str
    control_plane_cidrs: Sequence[str]
    client_cidrs: Sequence[str]


class Nodes(pulumi.ComponentResource):
    """A role that joins the cluster and pulls images, and a security group without any way out of the VPC.

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
            assume_role_policy=iam.trust("ec2.amazonaws.com", None),
            opts=child,
        )
        for policy in NODE_POLICIES:
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=role.name,
                policy_arn=iam.managed_policy_arn(args.names.region, policy),
                opts=child,
            )
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            description="Nodes: each other, the control plane, the gateway's clients; nothing outside the VPC",
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
                        cidr_blocks=list(args.control_plane_cidrs),
                        description="Control plane to kubelets and webhooks",
                    )
                    for first, last in CONTROL_PLANE_PORTS
                ),
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=GATEWAY_PORT,
                    to_port=GATEWAY_PORT,
                    cidr_blocks=list(args.client_cidrs),
                    description="Clients to the gateway",
                ),
            ],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="-1", from_port=0, to_port=0, cidr_blocks=[args.vpc_cidr], description="Inside the VPC"
                )
            ],
            revoke_rules_on_delete=True,
            opts=child,
        )
        self.role_arn, self.security_group_id = role.arn, group.id
        self.register_outputs({"role_arn": role.arn, "security_group_id": group.id})
