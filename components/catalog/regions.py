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


@dataclass(frozen=True, kw_only=True)
class Partition:
    """How one AWS partition writes ARNs, host names and endpoint service names."""

    name: str
    dns_suffix: str


def partition(region: str) -> Partition:
    """The partition of an EU region: the European Sovereign Cloud has its own.

    Source: botocore ``partitions.json``.
    """
    if region.startswith("eusc-"):
        return Partition(name="aws-eusc", dns_suffix="amazonaws.eu")
    return Partition(name="aws", dns_suffix="amazonaws.com")
