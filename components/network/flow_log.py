"""What goes through the VPC, accepted and refused, written down."""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names

FIELDS: Final = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"),
    *("srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"),
    *("vpc-id", "subnet-id", "az-id", "tcp-flags", "flow-direction", "traffic-path"),
    *("pkt-src-aws-service", "pkt-dst-aws-service", "reject-reason"),
)
"""The true ends of a packet behind the interface's, the direction, and the road it took out of the interface.

Source: VPC User Guide, "Flow log records".
"""


@dataclass(frozen=True, kw_only=True)
class FlowLogArgs:
    """What is logged, and how it is kept.

    Attributes:
        names: physical names of the platform.
        vpc_id: the VPC that is watched.
        key_arn: encrypts the log group.
        retention_days: one of CloudWatch's values.
    """

    names: Names
    vpc_id: Input[str]
    key_arn: Input[str]
    retention_days: int


class FlowLog(pulumi.ComponentResource):
    """Every flow of the VPC, in an encrypted log group that only the flow log service may write.

    Outputs:
        log_group_arn: str.
    Source: VPC User Guide, "Publish flow logs to CloudWatch Logs".
    """

    log_group_arn: Output[str]

    def __init__(self, name: str, args: FlowLogArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:FlowLog", name, None, opts)
        child = ResourceOptions(parent=self)
        names = args.names
        group_name = names.log_group("flows")
        group = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=group_name,
            kms_key_id=args.key_arn,
            retention_in_days=args.retention_days,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=names.role("flow-log"),
            description="Writes the VPC's flow log",
            assume_role_policy=iam.trust("vpc-flow-logs", names.region, names.account_id),
            opts=child,
        )
        aws.iam.RolePolicy(
            f"{name}-write",
            role=role.id,
            policy=iam.document(
                iam.allow(
                    "WriteOwnGroup",
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    [iam.arn("logs", names.region, names.account_id, f"log-group:{group_name}:*")],
                )
            ),
            opts=child,
        )
        aws.ec2.FlowLog(
            f"{name}-vpc",
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            log_format=" ".join(f"${{{field}}}" for field in FIELDS),
            max_aggregation_interval=60,
            opts=child,
        )
        self.log_group_arn = group.arn
        self.register_outputs({"log_group_arn": group.arn})
