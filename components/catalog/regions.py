"""The AWS Regions inside the European Union, and how each partition names things."""

from dataclasses import dataclass
from typing import Final

# Source: AWS General Reference, "AWS service endpoints"; membership of the EU by the country of the data centres.
# London (eu-west-2, UK), Zurich (eu-central-2, Switzerland) and eu-isoe-west-1 match "eu-" and are not in the EU.
EU_REGIONS: Final[tuple[str, ...]] = (
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-3",
    "eusc-de-east-1",
)

# Known of the Sovereign Cloud, with sources: partition, ARNs and host names (botocore); service principals keep
# amazonaws.com, `ec2.amazonaws.eu` is refused as invalid (pulumi/pulumi-eks issue 2341); S3's ranges (AWS
# ip-ranges.json); prefixes of endpoint service names (aws/aws-cdk pull request 36471); the registry of EKS add-ons
# (eksctl-io/eksctl pull request 8839); two zones (openshift/openshift-docs pull request 110585).
UNVERIFIED_SOVEREIGN: Final[tuple[str, ...]] = (
    "Whether every service of the endpoint table has an endpoint in eusc-de-east-1: "
    "`aws ec2 describe-vpc-endpoint-services` there was not seen.",
    "That endpoint service names begin with eu.amazonaws for ECR alone and with com.amazonaws for all others "
    "of the table: a merged change of the AWS CDK says so, no deployment was seen.",
    "The id of the prefix list com.amazonaws.eusc-de-east-1.s3, and whether it begins like this.",
    "The name of the bucket that ECR serves image layers from.",
    "That DNS redirects a bucket's name to s3-r-w.eusc-de-east-1.amazonaws.eu, as in commercial regions.",
    "Service principals other than EC2's, above all the regional one of CloudWatch Logs in the key policy.",
    "How kms:ViaService writes S3 and EC2 in this partition.",
    "Whether the cluster's own name lies below eks.amazonaws.eu.",
    "Prices, machine types and zones that offer them: the catalogue has no row for it.",
    "VPC Block Public Access, DNS Firewall, flow log fields, NLB security groups and PrivateLink of this partition.",
)
"""What nobody could check of `eusc-de-east-1` here; a plan for it is valid and was never deployed."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """How one AWS partition writes ARNs and host names; some services answer under the dual-stack name alone."""

    name: str
    dns_suffix: str
    dual_stack_suffix: str


def partition(region: str) -> Partition:
    """The partition of an EU region: the European Sovereign Cloud has its own.

    Source: botocore ``partitions.json``.
    """
    if region.startswith("eusc-"):
        return Partition(name="aws-eusc", dns_suffix="amazonaws.eu", dual_stack_suffix="api.amazonwebservices.eu")
    return Partition(name="aws", dns_suffix="amazonaws.com", dual_stack_suffix="api.aws")


def service_principal(service: str, region: str) -> str:
    """How policies name an AWS service, such as `ec2`, `pods.eks` or, for those that need it, `logs.eu-west-3`.

    It is no host name: the Sovereign Cloud has host names of its own and keeps the principals.

    Source: pulumi/pulumi-eks issue 2341 (CreateRole refuses `ec2.amazonaws.eu`).
    """
    # Every partition that holds EU regions writes them alike; the one place to change when one does not.
    return f"{service}.amazonaws.com"
