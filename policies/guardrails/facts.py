"""Facts that no estate can change: the EU's regions, private ranges, and what AWS itself owns."""

import re
from typing import Final

# Source: AWS General Reference, "AWS service endpoints". London (eu-west-2), Zurich (eu-central-2) and eu-isoe-west-1
# match "eu-" and are not in the EU, so nothing here matches on a prefix. components/catalog has the list too.
EU_REGIONS: Final = frozenset(
    {"eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3", "eusc-de-east-1"}
)

# Zone ids name the region in short; Local Zones (euc1-waw1-az1) and Wavelength Zones do not match.
ZONE_ID_PREFIXES: Final = {
    "euc1": "eu-central-1",
    "eun1": "eu-north-1",
    "eus1": "eu-south-1",
    "eus2": "eu-south-2",
    "euw1": "eu-west-1",
    "euw3": "eu-west-3",
    "eusce1": "eusc-de-east-1",
}
ZONE_NAME: Final = re.compile(r"(?P<region>[a-z]+-[a-z-]+-\d)[a-z]")
ZONE_ID: Final = re.compile(r"(?P<prefix>[a-z]{3,5}\d)-az\d")

ACCOUNT: Final = re.compile(r"\d{12}")
ORGANISATIONAL_UNIT: Final = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")
DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")
ECR_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.(com|eu)/(?P<name>[a-z0-9._/-]+)(@|:|$)"
)

AMAZON_DNS: Final = "AmazonProvidedDNS"
AMAZON_TIME: Final = "169.254.169.123"

# The node's agent that gives pods their role. Source: EKS User Guide, "Learn how EKS Pod Identity grants pods access".
POD_IDENTITY_AGENT: Final = "169.254.170.23/32"

# Buckets of AWS that a node reads through the S3 endpoint: ECR's image layers and the AL2023 packages.
AWS_BUCKET: Final = re.compile(
    r"arn:aws[a-z-]*:s3:::(prod-(?P<ecr>[a-z0-9-]+)-starport-layer-bucket|al2023-repos-(?P<repos>[a-z0-9-]+)-de612dc2)(/.*)?"
)

# Accounts from which EKS add-on images are pulled. Source: EKS User Guide, "View Amazon container image registries";
# the Sovereign Cloud's (the last) as eksctl-io/eksctl pull request 8839 quotes it.
EKS_REGISTRY_ACCOUNTS: Final = frozenset({"602401143452", "590381155156", "455263428931", "877088126301"})

# Names that resolve only inside the VPC, the cluster or the host.
PRIVATE_SUFFIXES: Final = (".internal", ".cluster.local", ".svc", ".local", ".in-addr.arpa")

ROOMS: Final = frozenset(
    {
        "network",
        "cluster",
        "storage",
        "model",
        "serving",
        "gateway",
        "observability",
        "edge",
        "images",
        "managed",
        "organisation",
        "layers",
    }
)
