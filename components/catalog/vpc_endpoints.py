"""The AWS services that the sealed VPC can reach: the reason for each, and what may be asked of it."""

from dataclasses import dataclass
from typing import Final

from components.catalog.names import Names

# The registry account of EKS add-on images. Source: EKS User Guide, "View Amazon container image registries for
# Amazon EKS add-ons". The Sovereign Cloud's account is not published where we could read it.
ADD_ON_REGISTRY_ACCOUNTS: Final[dict[str, str]] = {
    "eu-central-1": "602401143452",
    "eu-north-1": "602401143452",
    "eu-west-1": "602401143452",
    "eu-west-3": "602401143452",
    "eu-south-1": "590381155156",
    "eu-south-2": "455263428931",
}


@dataclass(frozen=True, kw_only=True)
class EndpointService:
    """One service behind an interface endpoint.

    Attributes:
        suffix: what follows `com.amazonaws.<region>.` in the endpoint service's name.
        reason: what stops working without it.
        actions: what may be asked of it from inside the VPC; the endpoint's policy allows nothing else.
    """

    suffix: str
    reason: str
    actions: tuple[str, ...]


SERVICES: Final[tuple[EndpointService, ...]] = (
    EndpointService(
        suffix="ecr.api",
        reason="nodes ask for the registry's token and check images",
        actions=("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"),
    ),
    EndpointService(
        suffix="ecr.dkr",
        reason="container runtimes pull images",
        actions=("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    ),
    EndpointService(
        suffix="s3",
        reason="image layers and model weights; an interface, so that no packet has a public address",
        actions=("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"),
    ),
    EndpointService(
        suffix="ec2",
        reason="nodes learn their names; the VPC CNI gives addresses to pods",
        actions=(
            "ec2:Describe*",
            "ec2:CreateNetworkInterface",
            "ec2:AttachNetworkInterface",
            "ec2:DetachNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
            "ec2:CreateTags",
        ),
    ),
    EndpointService(
        suffix="eks",
        reason="nodes read the cluster's address and certificate when they join",
        actions=("eks:DescribeCluster",),
    ),
    EndpointService(
        suffix="eks-auth",
        reason="EKS Pod Identity gives pods their roles",
        actions=("eks-auth:AssumeRoleForPodIdentity",),
    ),
    EndpointService(
        suffix="sts",
        reason="clients of the cluster prove who they are, roles are assumed in the region",
        actions=("sts:GetCallerIdentity", "sts:AssumeRole", "sts:TagSession"),
    ),
    EndpointService(
        suffix="logs",
        reason="pods and nodes write logs",
        actions=(
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
        ),
    ),
    EndpointService(
        suffix="kms",
        reason="weights are decrypted, tokens can be signed from inside",
        actions=("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"),
    ),
)


def service_name(suffix: str, region: str) -> str:
    """Full name of an endpoint service.

    Source: AWS PrivateLink Guide, "AWS services that integrate"; in the Sovereign Cloud not verified.
    """
    prefix = "eu.amazonaws" if region.startswith("eusc-") else "com.amazonaws"
    return f"{prefix}.{region}.{suffix}"


def allowed_names(names: Names) -> tuple[str, ...]:
    """Every host name that may be resolved inside the VPC: the endpoints', the cluster's own, and private zones.

    S3 and the registry are named by bucket and account: another name below them is the door to somebody else's data.
    """
    region, suffix = names.region, names.dns_suffix
    registries = [names.account_id]
    if region in ADD_ON_REGISTRY_ACCOUNTS:
        registries.append(ADD_ON_REGISTRY_ACCOUNTS[region])
    buckets = (names.weight_cache_bucket, names.layer_bucket)
    return (
        f"api.ecr.{region}.{suffix}",
        *(f"{account}.dkr.ecr.{region}.{suffix}" for account in registries),
        *(f"{bucket}.s3.{region}.{suffix}" for bucket in buckets),
        f"ec2.{region}.{suffix}",
        f"eks.{region}.{suffix}",
        f"eks-auth.{region}.api.aws",
        f"sts.{region}.{suffix}",
        f"logs.{region}.{suffix}",
        f"kms.{region}.{suffix}",
        f"*.{region}.eks.{suffix}",
        f"*.{region}.compute.internal",
        "*.cloister.internal",
    )
