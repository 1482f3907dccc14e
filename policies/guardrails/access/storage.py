"""Buckets, repositories, secrets, queues and disks: private and encrypted under own keys."""

from collections.abc import Iterator
from typing import Any

from ..findings import Resource, each, known, names
from ..rules import Rule, rule

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@rule(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    fix=f"Set {', '.join(_BLOCKS)} to true.",
    source=f"{_S3}access-control-block-public-access.html",
    severity="critical",
)
def access_bucket_blocks_the_public(block: Resource) -> Iterator[str]:
    """A bucket's public access block has all four settings on."""
    for key in _BLOCKS:
        if block.get(key) is not True:
            yield f"{key} is not true"


@rule(
    "aws:s3/bucket:Bucket",
    fix="Leave acl and grants out; use a bucket policy.",
    source=f"{_S3}about-object-ownership.html",
    severity="critical",
)
def access_bucket_has_no_acl(bucket: Resource) -> Iterator[str]:
    """No bucket grants anything by an ACL."""
    if bucket.get("acl") not in (None, "private"):
        yield f"acl is {bucket.get('acl')!r}"
    if bucket.get("grants"):
        yield "grants is not empty"


@rule(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    fix="Use BucketOwnerEnforced.",
    source=f"{_S3}about-object-ownership.html",
)
def access_bucket_owner_owns_objects(controls: Resource) -> Iterator[str]:
    """ACLs have no effect: the bucket's owner owns every object."""
    if controls.get("rule.objectOwnership") != "BucketOwnerEnforced":
        yield f"rule.objectOwnership is {controls.get('rule.objectOwnership')!r}"


@rule(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    fix="Use sseAlgorithm aws:kms with an own key.",
    source=f"{_S3}UsingKMSEncryption.html",
)
def access_bucket_is_encrypted(configuration: Resource) -> Iterator[str]:
    """A bucket encrypts its objects under an own key."""
    entries = list(each(configuration.props, "rules"))
    if not entries:
        yield "rules is empty"
    for path, entry in entries:
        default = entry.get("applyServerSideEncryptionByDefault") or {}
        if default.get("sseAlgorithm") not in ("aws:kms", "aws:kms:dsse"):
            yield f"{path}: sseAlgorithm is {default.get('sseAlgorithm')!r}"
        if not names(default, "kmsMasterKeyId"):
            yield f"{path}: kmsMasterKeyId is not given"


@rule(
    "aws:s3/bucketVersioning:BucketVersioning",
    fix="Set status to Enabled.",
    source=f"{_S3}Versioning.html",
    severity="medium",
)
def access_bucket_keeps_versions(versioning: Resource) -> Iterator[str]:
    """A bucket keeps the versions of its objects."""
    if versioning.get("versioningConfiguration.status") != "Enabled":
        yield f"versioningConfiguration.status is {versioning.get('versioningConfiguration.status')!r}"


@rule(
    "aws:ecr/repository:Repository",
    fix="Set encryptionType KMS with an own key.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html",
)
def access_repository_is_encrypted(repository: Resource) -> Iterator[str]:
    """A repository encrypts its images under an own key."""
    configurations: list[tuple[str, Any]] = list(each(repository.props, "encryptionConfigurations"))
    if not any(str(entry.get("encryptionType")).startswith("KMS") for _, entry in configurations):
        yield "encryptionConfigurations names no KMS key"


@rule(
    "aws:secretsmanager/secret:Secret",
    fix="Give kmsKeyId.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
)
def access_secret_is_encrypted(secret: Resource) -> Iterator[str]:
    """A secret is encrypted under an own key."""
    if not names(secret.props, "kmsKeyId"):
        yield "kmsKeyId is not given"


@rule(
    "aws:sqs/queue:Queue",
    "aws:sns/topic:Topic",
    fix="Give kmsMasterKeyId.",
    source="https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html",
)
def access_messages_are_encrypted(resource: Resource) -> Iterator[str]:
    """A queue or topic encrypts its messages under an own key."""
    if not names(resource.props, "kmsMasterKeyId"):
        yield "kmsMasterKeyId is not given"
    elif str(known(resource.props, "kmsMasterKeyId")).startswith("alias/aws/"):
        yield "kmsMasterKeyId is a key of AWS"


@rule(
    "aws:ebs/encryptionByDefault:EncryptionByDefault",
    fix="Set enabled to true.",
    source="https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html",
)
def access_disks_are_encrypted_by_default(setting: Resource) -> Iterator[str]:
    """New disks are encrypted."""
    if setting.get("enabled") is False:
        yield "enabled is false"


@rule(
    "aws:ec2/launchTemplate:LaunchTemplate",
    fix='Set ebs.encrypted to "true" for every disk.',
    source="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html",
)
def access_node_disks_are_encrypted(template: Resource) -> Iterator[str]:
    """Every disk of a node is encrypted."""
    for path, mapping in each(template.props, "blockDeviceMappings"):
        disk = mapping.get("ebs")
        if disk is not None and str(disk.get("encrypted")).lower() != "true":
            yield f"{path}.ebs.encrypted is not true"


RULES: tuple[Rule, ...] = (
    access_bucket_blocks_the_public,
    access_bucket_has_no_acl,
    access_bucket_owner_owns_objects,
    access_bucket_is_encrypted,
    access_bucket_keeps_versions,
    access_repository_is_encrypted,
    access_secret_is_encrypted,
    access_messages_are_encrypted,
    access_disks_are_encrypted_by_default,
    access_node_disks_are_encrypted,
)
