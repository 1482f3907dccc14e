"""Who connected to the gateway's load balancer, how and when: records that outlive the balancer."""

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names
from components.storage.sealed_bucket import SealedBucket, SealedBucketArgs


@dataclass(frozen=True, kw_only=True)
class AccessLogsArgs:
    """The bucket of records.

    Attributes:
        names: physical names of the platform.
        key_arn: encrypts the records.
        log_days: after how many days they are deleted.
    """

    names: Names
    key_arn: Input[str]
    log_days: int


class AccessLogs(pulumi.ComponentResource):
    """A sealed bucket that the load balancers of our account may write to, and nobody else.

    Outputs:
        bucket: str, its name.
    Source: NLB User Guide, "Access logs for your Network Load Balancer".
    """

    bucket: Output[str]

    def __init__(self, name: str, args: AccessLogsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:storage:AccessLogs", name, None, opts)
        sealed = SealedBucket(
            name,
            SealedBucketArgs(
                names=args.names,
                bucket=args.names.access_log_bucket,
                key_arn=args.key_arn,
                statements=delivery_statements(args.names),
                noncurrent_days=30,
                expire_days=args.log_days,
            ),
            opts=ResourceOptions(parent=self),
        )
        self.bucket = sealed.bucket
        self.register_outputs({"bucket": self.bucket})


def delivery_statements(names: Names) -> tuple[iam.Statement, ...]:
    """AWS's log delivery writes below its own prefix, for our account and region only."""
    bucket = names.access_log_bucket
    delivery = iam.service("delivery.logs", names.region)
    source = iam.arn("logs", names.region, names.account_id, "*")
    ours = {"StringEquals": {"aws:SourceAccount": names.account_id}, "ArnLike": {"aws:SourceArn": source}}
    return (
        iam.allow(
            "DeliveryChecksBucket",
            ["s3:GetBucketAcl", "s3:ListBucket"],
            [iam.bucket_arn(names.region, bucket)],
            principal=delivery,
            condition=ours,
        ),
        iam.allow(
            "DeliveryWrites",
            ["s3:PutObject"],
            [iam.bucket_arn(names.region, bucket, f"/gateway/AWSLogs/{names.account_id}/*")],
            principal=delivery,
            condition=ours,
        ),
    )
