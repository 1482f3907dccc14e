"""Buckets, image repositories and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import Kind


def _bucket_setting(operation: str, *, owner: bool = False) -> Kind:
    immutable = ("bucket", "expectedBucketOwner") if owner else ("bucket",)
    return Kind(operation=f"s3.{operation}", immutable=immutable, id="{bucket}")


STORAGE: Final[Mapping[str, Kind]] = {
    "aws:s3/bucket:Bucket": Kind(
        operation="s3.CreateBucket",
        rename={"acl": "ACL", "objectLockEnabled": "ObjectLockEnabledForBucket"},
        immutable=("bucket", "bucketPrefix", "objectLockEnabled", "bucketNamespace"),
        name="bucket",
        id="{bucket}",
        outputs={
            "arn": "arn:{partition}:s3:::{bucket}",
            "bucketRegion": "{region}",
            "bucketDomainName": "{bucket}.s3.{dns_suffix}",
            "bucketRegionalDomainName": "{bucket}.s3.{region}.{dns_suffix}",
        },
        defaults={"forceDestroy": False},
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket_setting("PutPublicAccessBlock"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket_setting(
        "PutBucketEncryption", owner=True
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket_setting("PutBucketVersioning", owner=True),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket_setting("PutBucketOwnershipControls"),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_setting("PutBucketPolicy"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _bucket_setting(
        "PutObjectLockConfiguration", owner=True
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket_setting(
        "PutBucketLifecycleConfiguration", owner=True
    ),
    "aws:ecr/repository:Repository": Kind(
        operation="ecr.CreateRepository",
        rename={"name": "repositoryName", "encryptionConfigurations": ""},
        immutable=("name", "encryptionConfigurations"),
        name="name",
        defaults={"imageTagMutability": "MUTABLE"},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Kind(
        operation="ecr.PutLifecyclePolicy",
        rename={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
        immutable=("repository", "policy"),
        id="{repository}",
        outputs={"registryId": "{account}"},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Kind(
        operation="ecr.SetRepositoryPolicy",
        rename={"repository": "repositoryName", "policy": "policyText"},
        immutable=("repository",),
        id="{repository}",
        outputs={"registryId": "{account}"},
    ),
    "aws:secretsmanager/secret:Secret": Kind(
        operation="secretsmanager.CreateSecret",
        immutable=("name", "namePrefix"),
        name="name",
        defaults={"recoveryWindowInDays": 30},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Kind(
        operation="secretsmanager.PutSecretValue",
        immutable=("secretId", "secretString", "secretBinary"),
    ),
}
