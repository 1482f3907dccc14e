"""Somebody is told when the name firewall blocks: a blocked name is the first sign of a way out being tried."""

from collections.abc import Iterator

from ..findings import Resource, at, known
from ..rules import Rule, rule
from ..stack import Stack, origins, refers, values

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


RULES: tuple[Rule, ...] = (estate_blocked_names_raise_an_alarm,)
