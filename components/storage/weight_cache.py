"""The bucket that holds model weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import iam
from components.catalog.names import Names
from components.settings.storage import WeightCache as WeightCacheSettings
from components.storage.sealed_bucket import SealedBucket, SealedBucketArgs


@dataclass(frozen=True, kw_only=True)
class WeightCacheArgs:
    """The bucket and its readers.

    Attributes:
        names: physical names of the platform.
        settings: how long replaced versions stay.
        key_arn: encrypts the weights.
        vpc_cidrs: where reads must come from.
        administrators: principals that may read from elsewhere, to fill and to check the cache.
    """

    names: Names
    settings: WeightCacheSettings
    key_arn: Input[str]
    vpc_cidrs: Sequence[str]
    administrators: Sequence[str]


class WeightCache(pulumi.ComponentResource):
    """Weights are read inside the VPC only, by principals of this account only; nobody else, nowhere else.

    Outputs:
        bucket: str, its name.
        arn: str.
    """

    bucket: Output[str]
    arn: Output[str]

    def __init__(self, name: str, args: WeightCacheArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:storage:WeightCache", name, None, opts)
        sealed = SealedBucket(
            name,
            SealedBucketArgs(
                names=args.names,
                bucket=args.names.weight_cache_bucket,
                key_arn=args.key_arn,
                statements=read_statements(args.names, args.vpc_cidrs, args.administrators),
                noncurrent_days=args.settings.noncurrent_days,
            ),
            opts=ResourceOptions(parent=self),
        )
        self.bucket, self.arn = sealed.bucket, sealed.arn
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})


def read_statements(names: Names, vpc_cidrs: Sequence[str], administrators: Sequence[str]) -> tuple[iam.Statement, ...]:
    """Who cannot read weights, whatever an IAM policy allows.

    `aws:VpcSourceIp` exists only in requests through a VPC endpoint; a negated operator is true when it is absent.
    """
    region, bucket = names.region, names.weight_cache_bucket
    objects = [iam.bucket_arn(region, bucket, "/*")]
    return (
        iam.deny(
            "OwnAccountOnly",
            ["s3:*"],
            [iam.bucket_arn(region, bucket), *objects],
            principal="*",
            condition={"StringNotEquals": {"aws:PrincipalAccount": names.account_id}},
        ),
        iam.deny(
            "ReadInsideOnly",
            ["s3:GetObject", "s3:GetObjectVersion"],
            objects,
            principal="*",
            condition={
                "NotIpAddress": {"aws:VpcSourceIp": list(vpc_cidrs)},
                "ArnNotEquals": {"aws:PrincipalArn": list(administrators)},
            },
        ),
    )
