"""The cluster's own services, as EKS packages them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from components import iam
from components.catalog.add_ons import VPC_CNI, AddOn
from components.catalog.names import Names


@dataclass(frozen=True, kw_only=True)
class AddOnsArgs:
    """Which add-ons, and when.

    Attributes:
        names: physical names of the platform.
        cluster_name: the cluster.
        add_ons: what is installed.
        after: what must exist before, such as nodes.
    """

    names: Names
    cluster_name: Input[str]
    add_ons: Sequence[AddOn]
    after: Sequence[pulumi.Resource] = ()


class AddOns(pulumi.ComponentResource):
    """Add-ons at pinned versions; the VPC CNI enforces network policies.

    Source: EKS User Guide, "Restrict Pod network traffic with Kubernetes network policies".
    """

    def __init__(self, name: str, args: AddOnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:AddOns", name, None, opts)
        for add_on in args.add_ons:
            identities = self._cni_identity(name, args.names) if add_on is VPC_CNI else []
            aws.eks.Addon(
                f"{name}-{add_on.name}",
                cluster_name=args.cluster_name,
                addon_name=add_on.name,
                addon_version=add_on.version,
                configuration_values=add_on.configuration or None,
                pod_identity_associations=identities,
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                opts=ResourceOptions(parent=self, depends_on=list(args.after)),
            )
        self.register_outputs({})

    def _cni_identity(self, name: str, names: Names) -> list[aws.eks.AddonPodIdentityAssociationArgs]:
        """The CNI gives addresses to pods with a role of its own, which no other pod can use."""
        role = aws.iam.Role(
            f"{name}-cni-role",
            name=names.role("cni"),
            description="The VPC CNI gives addresses to pods",
            assume_role_policy=iam.trust("pods.eks", names.region, names.account_id, tag_session=True),
            opts=ResourceOptions(parent=self),
        )
        aws.iam.RolePolicyAttachment(
            f"{name}-cni-rights",
            role=role.name,
            policy_arn=iam.managed_policy_arn(names.region, "AmazonEKS_CNI_Policy"),
            opts=ResourceOptions(parent=self),
        )
        return [aws.eks.AddonPodIdentityAssociationArgs(role_arn=role.arn, service_account="aws-node")]
