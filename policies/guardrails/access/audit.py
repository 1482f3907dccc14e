"""Logs: kept for a stated time, encrypted, complete."""

from collections.abc import Iterator

from ..findings import Resource, names
from ..rules import Rule, rule

_TRAIL = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"


@rule(
    "aws:cloudwatch/logGroup:LogGroup",
    fix="Give retentionInDays and kmsKeyId.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
)
def access_log_group_is_kept_and_encrypted(group: Resource) -> Iterator[str]:
    """A log group has a retention time and an own key."""
    if not group.get("retentionInDays"):
        yield "retentionInDays is not given"
    if not names(group.props, "kmsKeyId"):
        yield "kmsKeyId is not given"


@rule(
    "aws:cloudtrail/trail:Trail",
    fix="Set enableLogFileValidation and isMultiRegionTrail to true and give kmsKeyId.",
    source=f"{_TRAIL}best-practices-security.html",
)
def access_trail_is_complete(trail: Resource) -> Iterator[str]:
    """The audit trail covers every region, proves its own integrity and is encrypted under an own key."""
    for key in ("enableLogFileValidation", "isMultiRegionTrail"):
        if trail.get(key) is not True:
            yield f"{key} is not true"
    for key in ("enableLogging", "includeGlobalServiceEvents"):
        if trail.get(key) is False:
            yield f"{key} is false"
    if not names(trail.props, "kmsKeyId"):
        yield "kmsKeyId is not given"


@rule(
    "aws:ec2/flowLog:FlowLog",
    fix="Set trafficType to ALL.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
    severity="medium",
)
def access_flow_log_sees_everything(log: Resource) -> Iterator[str]:
    """Flow logs record accepted and rejected traffic."""
    if log.get("trafficType") != "ALL":
        yield f"trafficType is {log.get('trafficType')!r}"


RULES: tuple[Rule, ...] = (
    access_log_group_is_kept_and_encrypted,
    access_trail_is_complete,
    access_flow_log_sees_everything,
)
