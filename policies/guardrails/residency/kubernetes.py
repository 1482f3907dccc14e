"""Regions and accounts that Kubernetes objects and containers name."""

import re
from collections.abc import Iterator

from ..arns import foreign, is_own_bucket, parse_arn
from ..findings import Resource, each
from ..pods import CONTAINER_TYPES, containers, texts
from ..rules import Rule, rule

_REGION = re.compile(r"(^|_)(AWS|S3|STS|ECR|BEDROCK|SAGEMAKER)_(\w+_)?REGION$")
_ARN = re.compile(r"\barn:[a-z0-9*-]+:[^\s\"',;\\]+")
_ATTRIBUTES = "service.beta.kubernetes.io/aws-load-balancer-attributes"
_SDK = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html"


@rule(*CONTAINER_TYPES, fix="Set AWS_REGION to a region of the estate.", source=_SDK)
def residency_container_region_is_allowed(resource: Resource) -> Iterator[str]:
    """A container talks to AWS in an allowed region only."""
    for container in containers(resource):
        for name, value in container.environment.items():
            if _REGION.search(name) and value not in resource.estate.regions:
                yield f"{container.path}: {name} is {value!r}"
        flag = container.flag("--region", "--aws-region")
        if flag is not None and flag not in resource.estate.regions:
            yield f"{container.path}: --region is {flag!r}"
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
    region = volume.get("spec.csi.volumeAttributes.stsRegion")
    if region is not None and region not in volume.estate.regions:
        yield f"stsRegion is {region!r}"
    for path, option in each(volume.props, "spec.mountOptions"):
        name, _, value = str(option).removeprefix("--").replace("=", " ").partition(" ")
        if name == "endpoint-url" or (name == "region" and value.strip() not in volume.estate.regions):
            yield f"{path} is {option!r}"


@rule(
    "kubernetes:core/v1:Service",
    fix="Write its access logs to an own bucket, whose name carries the account's id.",
    source="https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/",
)
def residency_service_logs_stay_in_own_buckets(service: Resource) -> Iterator[str]:
    """A Service's load balancer writes its access logs to an own bucket."""
    annotations = service.get("metadata.annotations") or {}
    name = "service.beta.kubernetes.io/aws-load-balancer-access-log-s3-bucket-name"
    named = re.findall(r"access_logs\.s3\.bucket=([^,]+)", str(annotations.get(_ATTRIBUTES) or ""))
    for bucket in (annotations.get(name), *named):
        if bucket is not None and not is_own_bucket(bucket, service.estate):
            yield f"its access logs go to bucket {bucket!r}"


@rule(
    "kubernetes:*",
    "docker:*",
    fix="Name resources of the organisation's accounts, in allowed regions.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
)
def residency_object_names_own_arns(resource: Resource) -> Iterator[str]:
    """Every ARN that an object or a container names is the organisation's and in an allowed region."""
    for path, written in texts(resource.props):
        for text in _ARN.findall(written) if "arn:" in written else ():
            arn = parse_arn(text)
            problem = None if arn is None else foreign(arn, text, resource.estate)
            if problem is not None:
                yield f"{path} names an ARN whose {problem}"


RULES: tuple[Rule, ...] = (
    residency_container_region_is_allowed,
    residency_service_account_is_own,
    residency_volume_is_own,
    residency_service_logs_stay_in_own_buckets,
    residency_object_names_own_arns,
)
