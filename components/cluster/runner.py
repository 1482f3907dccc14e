"""What machines that deploy from inside the VPC may reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.cluster.tls_egress import tls_egress


@dataclass(frozen=True, kw_only=True)
class RunnerArgs:
    """Where a runner stands.

    Attributes:
        vpc_id: the VPC.
        endpoint_cidrs: ranges of endpoints, the Kubernetes API and the gateway's load balancer.
        storage_prefix_list_id: what security groups call S3.
    """

    vpc_id: Input[str]
    endpoint_cidrs: Sequence[str]
    storage_prefix_list_id: Input[str]


class Runner(pulumi.ComponentResource):
    """A security group for self-hosted runners or CodeBuild: nobody calls them, they call AWS's endpoints by TLS.

    Outputs:
        security_group_id: str.
    Source: CodeBuild User Guide, "Use AWS CodeBuild with Amazon Virtual Private Cloud".
    """

    security_group_id: Output[str]

    def __init__(self, name: str, args: RunnerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:Runner", name, None, opts)
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            description="Runners: TLS to endpoints, the Kubernetes API, the gateway and S3; nobody calls them",
            vpc_id=args.vpc_id,
            ingress=[],
            egress=tls_egress(args.endpoint_cidrs, args.storage_prefix_list_id),
            revoke_rules_on_delete=True,
            opts=ResourceOptions(parent=self),
        )
        self.security_group_id = group.id
        self.register_outputs({"security_group_id": self.security_group_id})
