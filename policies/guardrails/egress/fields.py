"""Fields of allowed types that lead traffic, names or data elsewhere, and that nothing here needs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy.proxy import UnknownValueError

from ..findings import Resource, items
from ..rules import Rule, rule

# Every other input of these types is read by a rule or harmless: tests/policies/test_fields.py names those.
REFUSED_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:acm/certificate:Certificate": ("options.export",),
    "aws:amp/scraper:Scraper": ("exporter",),
    "aws:backup/plan:Plan": ("scanSettings",),
    "aws:codebuild/project:Project": (
        "artifacts.location",
        "badgeEnabled",
        "buildBatchConfig",
        "cache.location",
        "fileSystemLocations",
        "logsConfig.s3Logs.location",
        "resourceAccessRole",
        "secondaryArtifacts",
        "secondarySourceVersions",
        "secondarySources",
        "source.auth",
        "source.gitSubmodulesConfig",
        "source.location",
    ),
    "aws:ec2/capacityReservation:CapacityReservation": ("outpostArn",),
    "aws:ec2/launchTemplate:LaunchTemplate": ("kernelId", "ramDiskId", "secondaryInterfaces", "securityGroupNames"),
    "aws:ec2/networkInterface:NetworkInterface": ("attachments",),
    "aws:ec2/subnet:Subnet": ("enableLniAtDeviceIndex", "ipv6NetmaskLength"),
    "aws:ec2/vpc:Vpc": ("ipv6CidrBlockNetworkBorderGroup",),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        "dnsOptions.privateDnsPreference",
        "dnsOptions.privateDnsSpecifiedDomains",
        "resourceConfigurationArn",
        "serviceNetworkArn",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("disableSessionTags",),
    "aws:kms/key:Key": ("customKeyStoreId", "xksKeyId"),
    "aws:lb/listener:Listener": ("defaultActions.jwtValidation",),
    "aws:lb/loadBalancer:LoadBalancer": (
        "enablePrefixForIpv6SourceNat",
        "subnetMappings.outpostId",
    ),
    "aws:route53/record:Record": ("healthCheckId",),
    "aws:route53/zone:Zone": ("delegationSetId", "enableAcceleratedRecovery"),
    "aws:s3/bucket:Bucket": ("corsRules",),
    "aws:s3/bucketLogging:BucketLogging": ("targetGrants",),
    "aws:secretsmanager/secret:Secret": ("type",),
}
_NOTHING: Final = ("", "false", "0", "0.0", "off")


@rule(
    *sorted(REFUSED_FIELDS),
    fix="Remove the field: what it does leaves the VPC, the region or the account, and no stack needs it.",
    source="https://www.pulumi.com/registry/packages/aws/api-docs/",
)
def egress_no_field_leads_elsewhere(resource: Resource) -> Iterator[str]:
    """No resource uses a field that leads traffic, names or data elsewhere."""
    for path in REFUSED_FIELDS[resource.type]:
        *outer, last = path.split(".")
        if any(_is_used(place, last) for place in _places(resource.props, outer)):
            yield f"{path} is set"


def _places(value: Any, outer: list[str]) -> Iterator[Mapping[str, Any]]:
    """Every mapping that the outer keys lead to, through lists as well."""
    if not outer:
        yield value
        return
    for inner in items(value.get(outer[0])):
        yield from _places(inner, outer[1:])


def _is_used(place: Mapping[str, Any], key: str) -> bool:
    """Whether a field is given; empty values and switches that are off count as absent, unknown ones do not."""
    try:
        value = place.get(key)
    except UnknownValueError:
        return True
    return bool(value) and str(value).lower() not in _NOTHING


RULES: tuple[Rule, ...] = (egress_no_field_leads_elsewhere,)
