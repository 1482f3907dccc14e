"""Where alarms go: one encrypted topic, to which operators subscribe."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names


@dataclass(frozen=True, kw_only=True)
class AlarmTopicArgs:
    """The topic.

    Attributes:
        names: physical names of the platform.
        key_arn: encrypts messages until they are delivered.
    """

    names: Names
    key_arn: Input[str]


class AlarmTopic(pulumi.ComponentResource):
    """A topic that alarms of our account may publish to, and nobody else; subscriptions are its owner's to make.

    Outputs:
        topic_arn: str.
    Source: CloudWatch User Guide, "Setting up Amazon SNS notifications"; SNS Developer Guide, "Access policies".
    """

    topic_arn: Output[str]

    def __init__(self, name: str, args: AlarmTopicArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:observability:AlarmTopic", name, None, opts)
        topic = aws.sns.Topic(
            f"{name}-topic",
            name=args.names.alarm_topic,
            kms_master_key_id=args.key_arn,
            policy=topic_policy(args.names),
            opts=ResourceOptions(parent=self),
        )
        self.topic_arn = topic.arn
        self.register_outputs({"topic_arn": self.topic_arn})


def topic_policy(names: Names) -> str:
    """CloudWatch publishes for alarms of our account; our account's own principals go by their IAM policies."""
    topic = iam.arn("sns", names.region, names.account_id, names.alarm_topic)
    return iam.document(
        iam.allow(
            "Alarms",
            ["sns:Publish"],
            [topic],
            principal=iam.service("cloudwatch", names.region),
            condition={
                "StringEquals": {"aws:SourceAccount": names.account_id},
                "ArnLike": {"aws:SourceArn": iam.arn("cloudwatch", names.region, names.account_id, "alarm:*")},
            },
        ),
        iam.allow(
            "OwnAccount",
            ["sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe", "sns:ListSubscriptionsByTopic"],
            [topic],
            principal={"AWS": iam.account_root(names.region, names.account_id)},
        ),
    )
