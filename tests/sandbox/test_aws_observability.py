"""Metric filters, alarms and topics, in the AWS stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.providers.serve import ProviderError
from tests.sandbox.aws_lab import Lab, Thing, lab

pytestmark = pytest.mark.servers

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
METRIC = {"name": "BlockedNames", "namespace": "Cloister", "value": "1", "defaultValue": "0"}
BLOCKED = '{ $.firewall_rule_action = "BLOCK" }'


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("aws"), "eu-central-1") as made:
        yield made


def policy(topic: str) -> str:
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**allow, "Resource": topic}]})


def watched(account: Lab, name: str) -> tuple[Thing, Thing, Thing]:
    """A topic, a metric filter and the alarm of what it counts."""
    topic = account.create(TOPIC, name, {"name": name, "kmsMasterKeyId": "alias/cloister"})
    group = account.create(LOG_GROUP, name, {"name": f"/cloister/{name}"})
    inputs = {"name": name, "logGroupName": group.id, "pattern": BLOCKED, "metricTransformation": METRIC}
    alarm = {
        "name": name,
        "metricName": "BlockedNames",
        "namespace": "Cloister",
        "statistic": "Sum",
        "period": 300,
        "evaluationPeriods": 1,
        "threshold": 0,
        "comparisonOperator": "GreaterThanThreshold",
        "treatMissingData": "notBreaching",
        "alarmActions": [topic.id],
    }
    return topic, account.create(FILTER, name, inputs), account.create(ALARM, name, alarm)


def filters(account: Lab, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.client("logs").describe_metric_filters(filterNamePrefix=name)["metricFilters"]
    return found


def test_the_life_of_an_alarm_and_what_it_counts(account: Lab) -> None:
    topic, counted, alarm = watched(account, "blocked")
    (seen,) = filters(account, "blocked")
    assert (seen["filterPattern"], seen["logGroupName"]) == (BLOCKED, "/cloister/blocked")
    assert seen["metricTransformations"][0]["metricName"] == "BlockedNames"
    (described,) = account.client("cloudwatch").describe_alarms(AlarmNames=["blocked"])["MetricAlarms"]
    assert described["AlarmActions"] == [topic.id]
    assert described["TreatMissingData"] == "notBreaching"
    assert alarm.outputs["arn"] == described["AlarmArn"]
    tags = account.client("cloudwatch").list_tags_for_resource(ResourceARN=described["AlarmArn"])["Tags"]
    assert tags == [{"Key": "owner", "Value": "tests"}]

    account.update(counted, {"pattern": "{ $.firewall_rule_action = ALERT }"})
    assert filters(account, "blocked")[0]["filterPattern"] == "{ $.firewall_rule_action = ALERT }"
    account.update(alarm, {"threshold": 5, "dimensions": {"vpc": "one"}})
    (described,) = account.client("cloudwatch").describe_alarms(AlarmNames=["blocked"])["MetricAlarms"]
    assert (described["Threshold"], described["Dimensions"]) == (5, [{"Name": "vpc", "Value": "one"}])
    assert account.replaces(counted, {"logGroupName": "/other"}) == ["logGroupName"]
    assert account.replaces(alarm, {"name": "other"}) == ["name"]

    allowed = account.create(TOPIC_POLICY, "blocked", {"arn": topic.id, "policy": policy(topic.id)})
    account.outlives_a_restart(topic, allowed, counted, alarm)
    for thing in (alarm, counted, topic):
        account.delete(thing)
        assert account.read(thing) is None


def test_the_life_of_a_topic_and_its_policy(account: Lab) -> None:
    topic = account.create(TOPIC, "alarms", {"name": "alarms", "displayName": "Cloister"})
    sns = account.client("sns")

    def attribute(name: str) -> str:
        return str(sns.get_topic_attributes(TopicArn=topic.id)["Attributes"][name])

    assert topic.id == "arn:aws:sns:eu-central-1:111122223333:alarms"
    allowed = account.create(TOPIC_POLICY, "alarms", {"arn": topic.id, "policy": policy(topic.id)})
    assert json.loads(attribute("Policy")) == json.loads(policy(topic.id))
    changed = account.update(topic, {"displayName": "Prison", "kmsMasterKeyId": "alias/cloister"})
    assert (attribute("DisplayName"), attribute("KmsMasterKeyId")) == ("Prison", "alias/cloister")
    assert account.replaces(topic, {"name": "other"}) == ["name"]
    assert account.replaces(allowed, {"arn": f"{topic.id}-2"}) == ["arn"]

    account.delete(allowed)
    assert "SourceOwner" in attribute("Policy")
    account.delete(changed)
    assert account.read(changed) is None
    assert account.read(allowed) is None


def test_an_alarm_for_a_topic_that_does_not_exist_is_refused(account: Lab) -> None:
    _, counted, alarm = watched(account, "references")
    nowhere = "arn:aws:sns:eu-central-1:111122223333:nowhere"
    with pytest.raises(ProviderError, match=rf"alarmActions\[0\]: '{nowhere}' does not exist"):
        account.update(alarm, {"alarmActions": [nowhere]})
    inputs = {key: value for key, value in counted.inputs.items() if key != "tagsAll"}
    with pytest.raises(ProviderError, match="ResourceNotFoundException") as refusal:
        account.create(FILTER, "nowhere", {**inputs, "name": "nowhere", "logGroupName": "/nowhere"})
    assert "\n" not in str(refusal.value)
