"""What must be recorded, and who is told: a blocked name is the first sign of a way out being tried."""

from collections.abc import Iterator

from ..findings import Resource, at, known
from ..rules import Rule, rule
from ..stack import Stack, origins, refers, values

_BUCKET = "aws:s3/bucket:Bucket"
_CLUSTER = "aws:eks/cluster:Cluster"
_VPC = "aws:ec2/vpc:Vpc"
_QUERY_LOG_ASSOCIATION = "aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation"
_QUERY_LOG = "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig"
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
_SOURCE = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html"


@rule(
    _QUERY_LOG,
    fix='Count `{ $.firewall_rule_action = "BLOCK" }` of its log group by a metric filter, with an alarm that acts.',
    source=_SOURCE,
)
def estate_blocked_names_raise_an_alarm(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A query log's blocked names are counted and raise an alarm, wherever the estate asks for one."""
    for config in stack.of(_QUERY_LOG):
        groups = stack.sources(config, "destinationArn", _LOG_GROUP)
        counted = [entry for group in groups for entry in stack.of(_FILTER) if refers(entry, "logGroupName", group)]
        blocked = [entry for entry in counted if _counts_blocks(entry)]
        if config.estate.blocked_names_alarm and not blocked:
            yield config, "no metric filter counts its blocked names"
        for entry in blocked:
            if not any(_rings(alarm, entry) for alarm in stack.of(_ALARM)):
                yield entry, "no alarm with an action reads the blocked names that it counts"


def _counts_blocks(entry: Resource) -> bool:
    pattern = str(entry.get("pattern"))
    return "firewall_rule_action" in pattern and "BLOCK" in pattern


def _rings(alarm: Resource, entry: Resource) -> bool:
    """Whether an alarm reads a filter's metric, rings when it rises, and tells somebody."""
    same = all(
        alarm.get(field) is not None and alarm.get(field) == at(entry.get("metricTransformation"), key)
        for field, key in (("metricName", "name"), ("namespace", "namespace"))
    )
    acts = bool(origins(alarm, "alarmActions")) or any(True for _ in values(alarm, "alarmActions"))
    rising = str(known(alarm.props, "comparisonOperator")).startswith("Greater")
    return same and acts and rising and alarm.get("actionsEnabled") is not False


@rule(
    _VPC,
    fix="Declare a FlowLog with its vpcId, and a ResolverQueryLogConfigAssociation with it as resourceId.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
)
def estate_vpc_traffic_is_recorded(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every VPC records its packets and the names that it asks for."""
    for vpc in stack.of(_VPC):
        if not stack.pointing("aws:ec2/flowLog:FlowLog", "vpcId", vpc):
            yield vpc, "it has no flow log"
        if not stack.pointing(_QUERY_LOG_ASSOCIATION, "resourceId", vpc):
            yield vpc, "no query log is associated with it"


@rule(
    _CLUSTER,
    fix="Declare a Trail beside the cluster.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-create-and-update-a-trail.html",
)
def estate_calls_are_recorded(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Where a cluster stands beside its stores, a trail of the same stack records who changes what in their region.

    A network or a cluster by itself may rely on a trail of the organisation, which no stack shows.
    """
    recorded = {trail.region for trail in stack.of("aws:cloudtrail/trail:Trail")}
    for cluster in stack.of(_CLUSTER) if stack.of(_BUCKET) else ():
        if cluster.region not in recorded:
            yield cluster, "no trail records its region"


RULES: tuple[Rule, ...] = (
    estate_blocked_names_raise_an_alarm,
    estate_vpc_traffic_is_recorded,
    estate_calls_are_recorded,
)
