"""Who did what in the account, in a bucket where nobody can delete it."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names
from components.settings.storage import Audit
from components.storage.sealed_bucket import SealedBucket, SealedBucketArgs


@dataclass(frozen=True, kw_only=True)
class AuditTrailArgs:
    """What is recorded, and for how long.

    Attributes:
        names: physical names of the platform.
        settings: the retention.
        key_arn: encrypts the records.
    """

    names: Names
    settings: Audit
    key_arn: Input[str]


class AuditTrail(pulumi.ComponentResource):
    """API calls of the account, wherever they are made, and reads of weights, recorded beyond anybody's reach.

    Outputs:
        bucket: str, its name; token records are written here as well.
        trail_arn: str.
    Source: CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail".
    """

    bucket: Output[str]
    trail_arn: Output[str]

    def __init__(self, name: str, args: AuditTrailArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:storage:AuditTrail", name, None, opts)
        names = args.names
        sealed = SealedBucket(
            name,
            SealedBucketArgs(
                names=names,
                bucket=names.audit_bucket,
                key_arn=args.key_arn,
                statements=_trail_statements(names),
                noncurrent_days=args.settings.retention_days,
                lock_days=args.settings.retention_days,
            ),
            opts=ResourceOptions(parent=self),
        )
        trail = aws.cloudtrail.Trail(
            f"{name}-trail",
            name=names.trail,
            s3_bucket_name=sealed.bucket,
            kms_key_id=args.key_arn,
            enable_logging=True,
            enable_log_file_validation=True,
            include_global_service_events=True,
            is_multi_region_trail=True,
            event_selectors=[
                aws.cloudtrail.TrailEventSelectorArgs(
                    read_write_type="All",
                    include_management_events=True,
                    data_resources=[
                        aws.cloudtrail.TrailEventSelectorDataResourceArgs(
                            type="AWS::S3::Object",
                            values=[iam.bucket_arn(names.region, names.weight_cache_bucket, "/")],
                        )
                    ],
                )
            ],
            opts=ResourceOptions(parent=self, depends_on=[sealed]),
        )
        self.bucket, self.trail_arn = sealed.bucket, trail.arn
        self.register_outputs({"bucket": self.bucket, "trail_arn": self.trail_arn})


def _trail_statements(names: Names) -> tuple[iam.Statement, ...]:
    """CloudTrail writes below its own prefix, for our trail only."""
    bucket = names.audit_bucket
    ours = {
        "aws:SourceAccount": names.account_id,
        "aws:SourceArn": iam.arn("cloudtrail", names.region, names.account_id, f"trail/{names.trail}"),
    }
    cloudtrail = iam.service("cloudtrail", names.region)
    return (
        iam.allow(
            "TrailChecksBucket",
            ["s3:GetBucketAcl"],
            [iam.bucket_arn(names.region, bucket)],
            principal=cloudtrail,
            condition={"StringEquals": ours},
        ),
        iam.allow(
            "TrailWrites",
            ["s3:PutObject"],
            [iam.bucket_arn(names.region, bucket, f"/AWSLogs/{names.account_id}/*")],
            principal=cloudtrail,
            condition={"StringEquals": ours},
        ),
    )
