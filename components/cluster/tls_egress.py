"""Where machines of ours may go: AWS's services by TLS, through the VPC's endpoints."""

from collections.abc import Sequence

import pulumi_aws as aws
from pulumi import Input


def tls_egress(
    endpoint_cidrs: Sequence[str], storage_prefix_list_id: Input[str]
) -> list[aws.ec2.SecurityGroupEgressArgs]:
    """Rules of a security group: interface endpoints and the Kubernetes API by address, S3 by its prefix list.

    Args:
        endpoint_cidrs: ranges of endpoints, control plane and load balancer.
        storage_prefix_list_id: what security groups call S3.
    """
    return [
        aws.ec2.SecurityGroupEgressArgs(
            protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_blocks=list(endpoint_cidrs),
            description="Endpoints and the Kubernetes API",
        ),
        aws.ec2.SecurityGroupEgressArgs(
            protocol="tcp",
            from_port=443,
            to_port=443,
            prefix_list_ids=[storage_prefix_list_id],
            description="S3 through its gateway endpoint",
        ),
    ]
