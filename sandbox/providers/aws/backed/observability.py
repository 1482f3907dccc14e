"""Log groups, metric filters, alarms and topics, in moto."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties, document, pairs, removed

_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_TOPIC_ATTRIBUTES: Final = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId", "policy": "Policy"}


def _create_log_group(account: Account, inputs: Properties) -> str:
    logs, name = account.client("logs"), str(inputs["name"])
    parameters: dict[str, Any] = {"logGroupName": name, "tags": dict(inputs.get("tagsAll") or {})}
    logs.create_log_group(**parameters, **({"kmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}))
    _set_retention(account, name, inputs, {})
    return name


def _set_retention(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    logs = account.client("logs")
    if new.get("retentionInDays"):
        logs.put_retention_policy(logGroupName=identifier, retentionInDays=new["retentionInDays"])
    elif old.get("retentionInDays"):
        logs.delete_retention_policy(logGroupName=identifier)
    if gone := removed(new.get("tagsAll") or {}, old.get("tagsAll") or {}):
        logs.untag_log_group(logGroupName=identifier, tags=gone)
    if new.get("tagsAll"):
        logs.tag_log_group(logGroupName=identifier, tags=dict(new["tagsAll"]))


def _read_log_group(account: Account, identifier: str) -> dict[str, Any]:
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix=identifier)["logGroups"]
    if not any(group["logGroupName"] == identifier for group in groups):
        raise Missing(f"log group {identifier}")
    return {}


def _delete_log_group(account: Account, identifier: str, outputs: Properties) -> None:
    if not outputs.get("skipDestroy"):
        account.client("logs").delete_log_group(logGroupName=identifier)


def _create_filter(account: Account, inputs: Properties) -> str:
    _put_filter(account, inputs["name"], inputs, {})
    return str(inputs["name"])


def _put_filter(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    change = new["metricTransformation"]
    transformation = {
        "metricName": change["name"],
        "metricNamespace": change["namespace"],
        "metricValue": str(change["value"]),
    }
    transformation |= {"defaultValue": float(change["defaultValue"])} if change.get("defaultValue") is not None else {}
    for name in ("dimensions", "unit"):
        transformation |= {name: change[name]} if change.get(name) else {}
    account.client("logs").put_metric_filter(
        logGroupName=new["logGroupName"],
        filterName=identifier,
        filterPattern=new["pattern"],
        metricTransformations=[transformation],
    )


def _read_filter(account: Account, identifier: str) -> dict[str, Any]:
    filters = account.client("logs").describe_metric_filters(filterNamePrefix=identifier)["metricFilters"]
    if all(one["filterName"] != identifier for one in filters):
        raise Missing(f"metric filter {identifier}")
    return {}


def _delete_filter(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("logs").delete_metric_filter(logGroupName=outputs["logGroupName"], filterName=identifier)


def _create_alarm(account: Account, inputs: Properties) -> str:
    _put_alarm(account, inputs["name"], inputs, {})
    return str(inputs["name"])


def _put_alarm(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    cloudwatch = account.client("cloudwatch")
    parameters = shapes.parameters(_ALARM, {**new, "dimensions": None, "metricQueries": None, "tags": None})
    parameters |= {"Dimensions": pairs(new["dimensions"], "Name")} if new.get("dimensions") else {}
    if new.get("metricQueries"):
        parameters["Metrics"] = shapes.convert("cloudwatch.PutMetricAlarm", "Metrics", _queries(new["metricQueries"]))
    cloudwatch.put_metric_alarm(**parameters)
    arn, tags = _read_alarm(account, identifier)["arn"], new.get("tagsAll") or {}
    if gone := removed(tags, old.get("tagsAll") or {}):
        cloudwatch.untag_resource(ResourceARN=arn, TagKeys=gone)
    if tags:
        cloudwatch.tag_resource(ResourceARN=arn, Tags=pairs(tags))


def _queries(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`metric: {metricName, stat, …}` as the service has it: `MetricStat: {Metric: {MetricName}, Stat, …}`."""
    result = []
    for query in queries:
        metric = query.get("metric")
        change = {
            "metric": {**metric, "dimensions": pairs(metric.get("dimensions"), "Name")},
            "period": metric.get("period"),
            "stat": metric.get("stat"),
            "unit": metric.get("unit"),
        } if metric else None  # fmt: skip
        result.append({**query, "metricStat": change})
    return result


def _read_alarm(account: Account, identifier: str) -> dict[str, Any]:
    found = account.client("cloudwatch").describe_alarms(AlarmNames=[identifier])["MetricAlarms"]
    if not found:
        raise Missing(f"alarm {identifier}")
    return {"arn": found[0]["AlarmArn"]}


def _delete_alarm(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("cloudwatch").delete_alarms(AlarmNames=[identifier])


def _create_topic(account: Account, inputs: Properties) -> str:
    arn = str(account.client("sns").create_topic(Name=inputs["name"])["TopicArn"])
    _update_topic(account, arn, inputs, {})
    return arn


def _update_topic(account: Account, arn: str, new: Properties, old: Properties) -> None:
    sns = account.client("sns")
    for name, attribute in _TOPIC_ATTRIBUTES.items():
        if new.get(name) != old.get(name) and (new.get(name) or name != "policy"):
            value = document(new[name]) if name == "policy" else new.get(name) or ""
            sns.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=value)
    tags = new.get("tagsAll") or {}
    if gone := removed(tags, old.get("tagsAll") or {}):
        sns.untag_resource(ResourceArn=arn, TagKeys=gone)
    if tags:
        sns.tag_resource(ResourceArn=arn, Tags=pairs(tags))


def _read_topic(account: Account, arn: str) -> dict[str, Any]:
    found = account.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return {"arn": arn, "owner": found["Owner"], "policy": found["Policy"]}


def _delete_topic(account: Account, arn: str, outputs: Properties) -> None:
    account.client("sns").delete_topic(TopicArn=arn)


def _create_topic_policy(account: Account, inputs: Properties) -> str:
    _put_topic_policy(account, inputs["arn"], inputs, {})
    return str(inputs["arn"])


def _put_topic_policy(account: Account, arn: str, new: Properties, old: Properties) -> None:
    account.client("sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=document(new["policy"])
    )


def _read_topic_policy(account: Account, arn: str) -> dict[str, Any]:
    return {"owner": _read_topic(account, arn)["owner"]}


def _delete_topic_policy(account: Account, arn: str, outputs: Properties) -> None:
    """A topic is never without a policy: what is left allows the account itself, as AWS's default does."""
    owner = {"StringEquals": {"AWS:SourceOwner": account.id}}
    allow = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": arn, "Condition": owner}
    _put_topic_policy(account, arn, {"policy": {"Version": "2008-10-17", "Statement": [allow]}}, {})


BACKED: Final[Mapping[str, Backing]] = {
    "aws:cloudwatch/logGroup:LogGroup": Backing(
        create=_create_log_group, read=_read_log_group, update=_set_retention, delete=_delete_log_group
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Backing(
        create=_create_filter, read=_read_filter, update=_put_filter, delete=_delete_filter
    ),
    _ALARM: Backing(create=_create_alarm, read=_read_alarm, update=_put_alarm, delete=_delete_alarm),
    "aws:sns/topic:Topic": Backing(create=_create_topic, read=_read_topic, update=_update_topic, delete=_delete_topic),
    "aws:sns/topicPolicy:TopicPolicy": Backing(
        create=_create_topic_policy,
        read=_read_topic_policy,
        update=_put_topic_policy,
        delete=_delete_topic_policy,
    ),
}
