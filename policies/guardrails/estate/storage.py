"""What every bucket must have beside it."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule
from ..stack import Stack

_BUCKET = "aws:s3/bucket:Bucket"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"


@rule(
    _BUCKET,
    fix="Declare a BucketPublicAccessBlock for it.",
    source=f"{_S3}access-control-block-public-access.html",
    severity="critical",
)
def estate_buckets_block_the_public(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every bucket has a public access block."""
    yield from _lacking(stack, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "BucketPublicAccessBlock")


@rule(_BUCKET, fix="Declare its encryption under an own key.", source=f"{_S3}UsingKMSEncryption.html")
def estate_buckets_are_encrypted(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every bucket has its encryption declared."""
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    yield from _lacking(stack, token, "BucketServerSideEncryptionConfiguration")


def _lacking(stack: Stack, token: str, what: str) -> Iterator[tuple[Resource, str]]:
    for bucket in stack.of(_BUCKET):
        if not stack.pointing(token, "bucket", bucket):
            yield bucket, f"it has no {what}"


RULES: tuple[Rule, ...] = (estate_buckets_block_the_public, estate_buckets_are_encrypted)
