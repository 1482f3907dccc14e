"""What pods may do in AWS: engines read weights, gateways put themselves behind their load balancer, others nothing."""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names

WEIGHTS_SERVICE_ACCOUNT: Final = "weights-loader"
"""Service account of the engine pods, whose init container loads the weights."""
GATEWAY_SERVICE_ACCOUNT: Final = "gateway"
"""Service account of the gateway's pods, whose companion registers their addresses."""


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """Whose pods may do what.

    Attributes:
        names: physical names of the platform.
        cluster_name: the cluster.
        namespace: of the pods.
        service_account: of the pods; the role's name says what it is for.
        purpose: short, part of the role's name.
        policy: all that the role allows.
    """

    names: Names
    cluster_name: Input[str]
    namespace: str
    service_account: str
    purpose: str
    policy: str


class PodIdentity(pulumi.ComponentResource):
    """Pods of one service account in one namespace have one role, and can do nothing else in AWS.

    Outputs:
        role_arn: str.
    Source: EKS User Guide, "Learn how EKS Pod Identity grants Pods access to AWS services".
    """

    role_arn: Output[str]

    def __init__(self, name: str, args: PodIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:PodIdentity", name, None, opts)
        child = ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=args.names.role(args.purpose),
            description=f"Pods of {args.namespace}/{args.service_account}",
            assume_role_policy=iam.trust("pods.eks", args.names.region, args.names.account_id, tag_session=True),
            opts=child,
        )
        aws.iam.RolePolicy(f"{name}-rights", role=role.id, policy=args.policy, opts=child)
        aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            opts=child,
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": role.arn})


def read_policy(names: Names) -> str:
    """Read the weight cache, and use its key through S3 only."""
    own = {"StringEquals": {"aws:ResourceAccount": names.account_id}}
    bucket = names.weight_cache_bucket
    return iam.document(
        iam.allow("List", ["s3:ListBucket"], [iam.bucket_arn(names.region, bucket)], condition=own),
        iam.allow("Read", ["s3:GetObject"], [iam.bucket_arn(names.region, bucket, "/*")], condition=own),
        # The key is named by its alias: its id does not exist before the first deployment.
        iam.allow(
            "Decrypt",
            ["kms:Decrypt"],
            [iam.arn("kms", names.region, names.account_id, "key/*")],
            condition={
                "StringEquals": {"kms:ViaService": f"s3.{names.region}.{names.dns_suffix}"},
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": names.storage_alias},
            },
        ),
    )


def register_policy(names: Names) -> str:
    """Add and remove targets of the gateway's target group; reading their health cannot be narrowed to it.

    Source: Service Authorization Reference, "Elastic Load Balancing V2".
    """
    own = {"StringEquals": {"aws:ResourceAccount": names.account_id}}
    group = iam.arn("elasticloadbalancing", names.region, names.account_id, f"targetgroup/{names.load_balancer}/*")
    return iam.document(
        iam.allow(
            "Register",
            ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            [group],
            condition=own,
        ),
        iam.allow("Health", ["elasticloadbalancing:DescribeTargetHealth"]),
    )
