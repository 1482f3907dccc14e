"""Logs, flow logs, trails, topics and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import EC2_ARN, Kind

OBSERVABILITY: Final[Mapping[str, Kind]] = {
    "aws:ec2/flowLog:FlowLog": Kind(
        operation="ec2.CreateFlowLogs",
        rename={"iamRoleArn": "DeliverLogsPermissionArn"},
        immutable=(
            "eniId",
            "iamRoleArn",
            "logDestination",
            "logDestinationType",
            "logFormat",
            "maxAggregationInterval",
            "subnetId",
            "trafficType",
            "vpcId",
            "destinationOptions",
            "deliverCrossAccountRole",
            "transitGatewayId",
        ),
        outputs={"arn": EC2_ARN + "vpc-flow-log/{id}"},
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Kind(
        operation="logs.CreateLogGroup",
        rename={"name": "logGroupName"},
        immutable=("name", "namePrefix", "logGroupClass"),
        name="name",
        outputs={"arn": "arn:{partition}:logs:{region}:{account}:log-group:{id}"},
        defaults={"skipDestroy": False},
    ),
    "aws:cloudtrail/trail:Trail": Kind(
        operation="cloudtrail.CreateTrail",
        rename={"cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn"},
        immutable=("name",),
        name="name",
        id="arn:{partition}:cloudtrail:{region}:{account}:trail/{name}",
        outputs={"arn": "{id}", "homeRegion": "{region}"},
        defaults={"enableLogging": True, "includeGlobalServiceEvents": True},
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Kind(
        operation="logs.PutMetricFilter",
        rename={"name": "filterName", "pattern": "filterPattern", "metricTransformation": "metricTransformations"},
        immutable=("name", "logGroupName"),
        name="name",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind(
        operation="cloudwatch.PutMetricAlarm",
        rename={
            "name": "AlarmName",
            "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
            "metricQueries": "Metrics",
        },
        immutable=("name",),
        name="name",
        defaults={"actionsEnabled": True, "treatMissingData": "missing"},
    ),
    "aws:sns/topic:Topic": Kind(
        operation="sns.CreateTopic",
        immutable=("name", "namePrefix", "fifoTopic"),
        name="name",
        outputs={"owner": "{account}"},
    ),
    "aws:sns/topicPolicy:TopicPolicy": Kind(
        operation="sns.SetTopicAttributes",
        rename={"arn": "TopicArn", "policy": ""},
        immutable=("arn",),
        outputs={"owner": "{account}"},
    ),
}
