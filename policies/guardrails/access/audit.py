"""Logs: kept for a stated time, encrypted, complete."""

from collections.abc import Iterator

from ..findings import Resource, each, names
from ..rules import Rule, rule

_TRAIL = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"

# Without the packet's own addresses a flow through an endpoint or a gateway shows only its last hop.
_FLOW_FIELDS = ("srcaddr", "dstaddr", "dstport", "action", "pkt-srcaddr", "pkt-dstaddr", "flow-direction")


@rule(
    "aws:cloudwatch/logGroup:LogGroup",
    fix="Give retentionInDays and kmsKeyId.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
)
def access_log_group_is_kept_and_encrypted(group: Resource) -> Iterator[str]:
    """A log group has a retention time and an own key."""
    if not group.get("retentionInDays"):
        yield "retentionInDays is not given"
    if group.get("logGroupClass") == "DELIVERY":
        yield "logGroupClass is DELIVERY, which keeps logs for two days"
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
    yield from _selected(trail)


@rule(
    "aws:ec2/flowLog:FlowLog",
    fix="Set trafficType to ALL and maxAggregationInterval to 60; a logFormat holds pkt-dstaddr and flow-direction.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html",
    severity="medium",
)
def access_flow_log_sees_everything(log: Resource) -> Iterator[str]:
    """Flow logs record accepted and rejected traffic within a minute, with its true destination and its direction."""
    if log.get("trafficType") != "ALL":
        yield f"trafficType is {log.get('trafficType')!r}"
    if log.get("maxAggregationInterval") != 60:
        yield f"maxAggregationInterval is {log.get('maxAggregationInterval') or 600:g}"
    # AWS's default format is older than the fields; a custom one is written to have them.
    written = log.get("logFormat")
    for name in _FLOW_FIELDS if written else ():
        if f"${{{name}}}" not in written:
            yield f"logFormat lacks {name}"


def _selected(trail: Resource) -> Iterator[str]:
    """What a trail's selectors leave out of the management events."""
    for path, selector in each(trail.props, "eventSelectors"):
        if selector.get("includeManagementEvents") is False:
            yield f"{path}.includeManagementEvents is false"
        if selector.get("readWriteType") not in (None, "All"):
            yield f"{path}.readWriteType is {selector.get('readWriteType')!r}"
        if list(each(selector, "excludeManagementEventSources")):
            yield f"{path}.excludeManagementEventSources is not empty"
    advanced = [
        [field for _, field in each(selector, "fieldSelectors")]
        for _, selector in each(trail.props, "advancedEventSelectors")
    ]
    # One selector with nothing but this condition takes every management event.
    whole = any(
        len(fields) == 1
        and fields[0].get("field") == "eventCategory"
        and [value for _, value in each(fields[0], "equals")] == ["Management"]
        for fields in advanced
    )
    if advanced and not whole:
        yield "advancedEventSelectors leave out management events"


RULES: tuple[Rule, ...] = (
    access_log_group_is_kept_and_encrypted,
    access_trail_is_complete,
    access_flow_log_sees_everything,
)
