"""Where S3 answers: its published IPv4 ranges, and AWS's own list of them, by region."""

from functools import lru_cache
from ipaddress import IPv4Network, collapse_addresses
from typing import Final

from components.catalog.instances import read

# A network ACL holds 20 rules in each direction; this many leave room for the VPC's two ranges and a few peers.
# Source: Amazon VPC User Guide, "Amazon VPC quotas"; the quota can be raised to 40.
FITS_ACCESS_LIST: Final = 16


def s3_ranges(region: str) -> tuple[str, ...]:
    """S3's IPv4 ranges in a region, adjacent ones joined, in ascending order; empty where AWS publishes none.

    Network ACLs and Kubernetes NetworkPolicies need them, because neither can name a prefix list. The prefix list, to
    which the gateway endpoint's route leads, can hold fewer ranges and never others.

    Source: AWS ip-ranges.json, entries of service S3; components/catalog/data/README.md.
    """
    return _ranges().get(region, ())


def s3_prefix_list(region: str) -> str | None:
    """Id of the prefix list `com.amazonaws.<region>.s3`, or None where nobody published it.

    Ids repeat: `pl-6ea54007` is S3 in eu-central-1 and DynamoDB in eu-west-1, so an id proves nothing without a region.
    """
    return _prefix_lists().get(region)


@lru_cache
def _ranges() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[IPv4Network]] = {}
    for row in read("s3_ranges.csv"):
        found.setdefault(row["region"], []).append(IPv4Network(row["cidr"]))
    return {region: tuple(str(each) for each in collapse_addresses(ranges)) for region, ranges in found.items()}


@lru_cache
def _prefix_lists() -> dict[str, str]:
    return {row["region"]: row["prefix_list_id"] for row in read("s3_prefix_lists.csv")}
