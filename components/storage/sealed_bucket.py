"""What every bucket of ours has in common: private, encrypted with our key, versioned, TLS only."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names


@dataclass(frozen=True, kw_only=True)
class SealedBucketArgs:
    """One bucket.

    Attributes:
        names: physical names of the platform.
        bucket: its name.
        key_arn: encrypts its objects.
        statements: what its policy says besides "TLS only".
        noncurrent_days: how long replaced and deleted versions are kept.
        lock_days: for how long nobody can delete a version; None for a bucket without object lock.
        expire_days: after how many days objects are deleted; None for objects that stay.
    """

    names: Names
    bucket: str
    key_arn: Input[str]
    statements: tuple[iam.Statement, ...]
    noncurrent_days: int
    lock_days: int | None = None
    expire_days: int | None = None


class SealedBucket(pulumi.ComponentResource):
    """A bucket that cannot become public, with its own key, versions and a policy that refuses plain HTTP.

    Outputs:
        bucket: str, its name.
        arn: str.
    Source: S3 User Guide, "Security best practices for Amazon S3".
    """

    bucket: Output[str]
    arn: Output[str]

    def __init__(self, name: str, args: SealedBucketArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:storage:SealedBucket", name, None, opts)
        child = ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=args.bucket,
            force_destroy=False,
            object_lock_enabled=args.lock_days is not None,
            opts=child,
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access-block",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=args.key_arn
                        )
                    ),
                    bucket_key_enabled=True,
                )
            ],
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="leftovers",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days)
                        if args.expire_days is not None
                        else None
                    ),
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=args.noncurrent_days
                        )
                    ),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=3
                        )
                    ),
                )
            ],
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )
        if args.lock_days is not None:
            self._lock(name, bucket, versioning, args.lock_days)
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=iam.document(_tls_only(args), *args.statements),
            opts=ResourceOptions(parent=self, depends_on=[closed]),
        )
        self.bucket, self.arn = bucket.bucket, bucket.arn
        self.register_outputs({"bucket": bucket.bucket, "arn": bucket.arn})

    def _lock(self, name: str, bucket: aws.s3.Bucket, versioning: aws.s3.BucketVersioning, days: int) -> None:
        """COMPLIANCE: not even the account's root user can delete a record before its time."""
        aws.s3.BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=bucket.id,
            rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                    mode="COMPLIANCE", days=days
                )
            ),
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )


def _tls_only(args: SealedBucketArgs) -> iam.Statement:
    region = args.names.region
    return iam.deny(
        "TlsOnly",
        ["s3:*"],
        [iam.bucket_arn(region, args.bucket), iam.bucket_arn(region, args.bucket, "/*")],
        principal="*",
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )
