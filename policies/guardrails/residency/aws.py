"""Regions, zones and ARNs, wherever an AWS resource hides them."""

import re
from collections.abc import Iterator
from functools import lru_cache

from ..addresses import is_private_host
from ..arns import foreign, is_account, is_own_bucket, may_connect, parse_arn
from ..facts import ZONE_ID, ZONE_ID_PREFIXES, ZONE_NAME
from ..findings import Resource, first_key, last_key
from ..rules import Rule, rule

_REGIONS = "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"
# A condition key such as aws:RequestedRegion is no region; the policies have rules of their own.
_DOCUMENTS = ("policy", "tags", "assumeRolePolicy", "inlinePolicies", "content")
# Who may ask for a private link need not be own: a peer's whole account may, which owns nothing here.
_PRINCIPALS = "allowedPrincipals["
# What is denied may be anybody's.
_ORGANISATION_POLICY = "aws:organizations/policy:Policy"
_ACCOUNTS = ("account", "accountid", "accountids", "ownerid", "owner", "owners", "registryid", "bucketowner")
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#\s]+)", re.IGNORECASE)
# What people read, and documents in which a URL leads nowhere by itself.
_TEXTS = (*_DOCUMENTS, "description", "comment", "alarmDescription", "userData")
_ZONE_NAMES = ("availabilityZone", "availabilityZones", "networkBorderGroup")
_ZONE_IDS = ("availabilityZoneId", "availabilityZoneIds")
_REGION_FIELDS = ("region", "regionname", "regions")
_ARNS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"


@rule(
    "aws:*",
    fix="Use a region that estate.yaml allows, on the provider or on the resource.",
    source=_REGIONS,
    severity="critical",
)
def residency_region_is_allowed(resource: Resource) -> Iterator[str]:
    """Every AWS resource is made in an allowed EU region."""
    region = resource.get("region") or resource.region
    if region not in resource.estate.regions:
        yield f"its region is {region!r}"


@rule("aws:*", fix="Use a region that estate.yaml allows.", source=_REGIONS, severity="critical")
def residency_other_regions_are_allowed(resource: Resource) -> Iterator[str]:
    """Every region named by any field (peer, replica, service, destination) is an allowed one."""
    for path in resource.unknowns:
        if path != "region" and _is_region_field(path):
            yield f"{path} is not known yet, so it cannot be proved"
    for path, leaf in resource.leaves:
        if path == "region" or not _is_region_field(path):
            continue
        if isinstance(leaf, str) and leaf and leaf not in resource.estate.regions:
            yield f"{path} is {leaf!r}"


@lru_cache(maxsize=8192)
def _is_region_field(path: str) -> bool:
    return not path.startswith(_DOCUMENTS) and last_key(path).lower().endswith(_REGION_FIELDS)


@rule(
    "aws:*",
    fix="Name only resources of the estate's accounts and regions; an outside principal belongs in estate.yaml.",
    source=_ARNS,
    severity="critical",
)
def residency_arns_are_own(resource: Resource) -> Iterator[str]:
    """Every ARN that a resource names belongs to an own account and an allowed region."""
    for path, leaf in resource.leaves:
        arn = parse_arn(leaf)
        if arn is not None and path.startswith(_PRINCIPALS) and may_connect(leaf, resource.estate):
            continue
        if resource.type == _ORGANISATION_POLICY and first_key(path) == "content":
            continue
        problem = None if arn is None else foreign(arn, leaf, resource.estate)
        if problem is not None:
            yield f"{path}: {problem}"


@rule(
    "aws:*",
    fix="Name own accounts only; a peer's account may own a peered VPC.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
    severity="critical",
)
def residency_accounts_are_own(resource: Resource) -> Iterator[str]:
    """Every account that a resource names is the organisation's, or a declared peer's."""
    declared = resource.estate.accounts | {peer.account for peer in resource.estate.peers}
    for path, leaf in resource.leaves:
        named = last_key(path).lower().endswith(_ACCOUNTS) and first_key(path) not in _DOCUMENTS
        if named and is_account(leaf) and leaf not in declared:
            yield f"{path} is {leaf!r}"


@rule(
    "aws:*",
    fix="Use own buckets, AWS's regional names and names inside the VPC.",
    source="https://docs.aws.amazon.com/general/latest/gr/rande.html",
    severity="critical",
)
def residency_addresses_are_own(resource: Resource) -> Iterator[str]:
    """Every URL that a resource names leads to an own bucket, to AWS in an allowed region, or inside."""
    for path, leaf in resource.leaves:
        found = _URL.match(leaf) if isinstance(leaf, str) else None
        if found is None or first_key(path) in _TEXTS:
            continue
        own = (
            is_own_bucket(found["host"], resource.estate)
            if found["scheme"] == "s3"
            else is_private_host(found["host"].rpartition("@")[2].partition(":")[0], resource.estate)
        )
        if not own:
            yield f"{path} leads to {found['host'].rpartition('@')[2]!r}"


@rule(
    "aws:*",
    fix="Use a single-region key.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html",
)
def residency_keys_are_single_region(resource: Resource) -> Iterator[str]:
    """No resource uses a multi-region key, whose material may leave the region."""
    for path, leaf in resource.leaves:
        if isinstance(leaf, str) and (leaf.startswith("mrk-") or ":key/mrk-" in leaf):
            yield f"{path} names a multi-region key"


@rule(
    "aws:*",
    fix="Use an ordinary zone of the region, such as eu-central-1a or euc1-az1.",
    source="https://docs.aws.amazon.com/wavelength/latest/developerguide/available-wavelength-zones.html",
)
def residency_zone_is_in_the_region(resource: Resource) -> Iterator[str]:
    """Every zone is an ordinary zone of an allowed region: Local and Wavelength Zones may lie in other countries."""
    for path in resource.unknowns:
        if last_key(path) in (*_ZONE_NAMES, *_ZONE_IDS):
            yield f"{path} is not known yet, so it cannot be proved"
    for path, leaf in resource.leaves:
        if not isinstance(leaf, str) or not leaf:
            continue
        if last_key(path) in _ZONE_NAMES:
            found = ZONE_NAME.fullmatch(leaf)
            region = leaf if found is None else found["region"]
        elif last_key(path) in _ZONE_IDS:
            found = ZONE_ID.fullmatch(leaf)
            region = "" if found is None else ZONE_ID_PREFIXES.get(found["prefix"], "")
        else:
            continue
        if region not in resource.estate.regions:
            yield f"{path} is {leaf!r}"


@rule(
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    fix="Use the service name of an allowed region.",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html",
)
def residency_endpoint_service_is_regional(endpoint: Resource) -> Iterator[str]:
    """An endpoint leads to an AWS service in an allowed region."""
    service = str(endpoint.get("serviceName") or "")
    labels = service.split(".")
    if not set(labels) & endpoint.estate.regions:
        yield f"serviceName {service!r} names no allowed region"
    elif "vpce-svc-" in service:
        yield f"serviceName {service!r} is not a service of AWS"


RULES: tuple[Rule, ...] = (
    residency_region_is_allowed,
    residency_other_regions_are_allowed,
    residency_arns_are_own,
    residency_accounts_are_own,
    residency_addresses_are_own,
    residency_keys_are_single_region,
    residency_zone_is_in_the_region,
    residency_endpoint_service_is_regional,
)
