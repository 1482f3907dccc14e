"""Who administers the cluster: named principals, and nobody by having created it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from components.catalog.regions import partition


@dataclass(frozen=True, kw_only=True)
class AdministratorsArgs:
    """The principals.

    Attributes:
        region: of the cluster.
        cluster_name: the cluster.
        principal_arns: roles or users of our account.
    """

    region: str
    cluster_name: Input[str]
    principal_arns: Sequence[str]


class Administrators(pulumi.ComponentResource):
    """Access entries with EKS's administrator policy for a settled list of principals.

    Source: EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries".
    """

    def __init__(self, name: str, args: AdministratorsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:Administrators", name, None, opts)
        policy = f"arn:{partition(args.region).name}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
        for principal in args.principal_arns:
            key = principal.partition(":iam::")[2].replace(":", "-").replace("/", "-")
            entry = aws.eks.AccessEntry(
                f"{name}-entry-{key}",
                cluster_name=args.cluster_name,
                principal_arn=principal,
                type="STANDARD",
                opts=ResourceOptions(parent=self),
            )
            aws.eks.AccessPolicyAssociation(
                f"{name}-policy-{key}",
                cluster_name=args.cluster_name,
                principal_arn=principal,
                policy_arn=policy,
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=ResourceOptions(parent=self, depends_on=[entry]),
            )
        self.register_outputs({})
