"""Regions and accounts that Kubernetes objects and containers name."""

from collections.abc import Iterator

from ..arns import foreign, is_own_bucket, parse_arn
from ..findings import Resource
from ..pods import CONTAINER_TYPES, containers
from ..rules import Rule, rule

_SDK = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html"


@rule(*CONTAINER_TYPES, fix="Set AWS_REGION to a region of the estate.", source=_SDK)
def residency_container_region_is_allowed(resource: Resource) -> Iterator[str]:
    """A container talks to AWS in an allowed region only."""
    for container in containers(resource):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            value = container.environment.get(name)
            if value is not None and value not in resource.estate.regions:
                yield f"{container.path}: {name} is {value!r}"
        if container.environment.get("AWS_STS_REGIONAL_ENDPOINTS") == "legacy":
            yield f"{container.path}: AWS_STS_REGIONAL_ENDPOINTS is legacy, which is us-east-1"


@rule("kubernetes:core/v1:ServiceAccount", fix="Remove the annotation; pods use EKS Pod Identity.", source=_SDK)
def residency_service_account_is_own(account: Resource) -> Iterator[str]:
    """A service account names own roles only and the region's own token service."""
    annotations = account.get("metadata.annotations") or {}
    if annotations.get("eks.amazonaws.com/sts-regional-endpoints") not in (None, "true"):
        yield "sts-regional-endpoints is off, so tokens come from us-east-1"
    role = annotations.get("eks.amazonaws.com/role-arn")
    if role is not None:
        arn = parse_arn(role)
        if arn is None or foreign(arn, role, account.estate) is not None:
            yield f"role-arn {role!r} is not the organisation's"


@rule(
    "kubernetes:core/v1:PersistentVolume",
    fix="Mount an own bucket, whose name carries the account's id.",
    source="https://github.com/awslabs/mountpoint-s3-csi-driver",
)
def residency_volume_is_own(volume: Resource) -> Iterator[str]:
    """A volume on S3 is an own bucket."""
    if volume.get("spec.csi.driver") != "s3.csi.aws.com":
        return
    bucket = volume.get("spec.csi.volumeAttributes.bucketName")
    if not is_own_bucket(bucket, volume.estate):
        yield f"bucketName {bucket!r} does not carry an own account id"


RULES: tuple[Rule, ...] = (
    residency_container_region_is_allowed,
    residency_service_account_is_own,
    residency_volume_is_own,
)
