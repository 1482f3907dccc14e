"""The two keys: one encrypts everything at rest, one signs tokens and never leaves AWS KMS."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from components import iam
from components.catalog.names import Names

DELETION_DAYS = 30
"""The longest that KMS waits before a key is gone, and all that it encrypts with it."""


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    """What the keys are called."""

    names: Names


class Keys(pulumi.ComponentResource):
    """A rotating key for storage and an ES256 key for token signatures, both in one region only.

    Outputs:
        storage_key_arn: str.
        signing_key_id: str; the `kid` of the tokens that it signs.
        signing_key_arn: str.
    Source: KMS Developer Guide, "Key policies".
    """

    storage_key_arn: Output[str]
    signing_key_id: Output[str]
    signing_key_arn: Output[str]

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:storage:Keys", name, None, opts)
        storage = aws.kms.Key(
            f"{name}-storage",
            description="Cloister: weights, audit records, images, disks, cluster secrets, logs",
            key_usage="ENCRYPT_DECRYPT",
            enable_key_rotation=True,
            multi_region=False,
            deletion_window_in_days=DELETION_DAYS,
            policy=storage_policy(args.names),
            opts=ResourceOptions(parent=self),
        )
        signing = aws.kms.Key(
            f"{name}-signing",
            description="Cloister: signatures of client tokens (ES256)",
            key_usage="SIGN_VERIFY",
            customer_master_key_spec="ECC_NIST_P256",
            multi_region=False,
            deletion_window_in_days=DELETION_DAYS,
            policy=iam.document(*_own_account(args.names)),
            opts=ResourceOptions(parent=self),
        )
        for role, key, alias in (
            ("storage", storage, args.names.storage_alias),
            ("signing", signing, args.names.signing_alias),
        ):
            aws.kms.Alias(
                f"{name}-{role}-alias", name=alias, target_key_id=key.key_id, opts=ResourceOptions(parent=self)
            )
        self.storage_key_arn = storage.arn
        self.signing_key_id = signing.key_id
        self.signing_key_arn = signing.arn
        self.register_outputs(
            {
                "storage_key_arn": self.storage_key_arn,
                "signing_key_id": self.signing_key_id,
                "signing_key_arn": self.signing_key_arn,
            }
        )


def storage_policy(names: Names) -> str:
    """The storage key's policy: our account by its IAM policies, and AWS services each for its own purpose."""
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    return iam.document(
        *_own_account(names),
        iam.allow(
            "LogGroups",
            use,
            principal=iam.service(f"logs.{names.region}", names.region),
            condition={
                "StringEquals": {"aws:SourceAccount": names.account_id},
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": iam.arn("logs", names.region, names.account_id, "log-group:*")
                },
            },
        ),
        iam.allow(
            "Trail",
            ["kms:GenerateDataKey*", "kms:DescribeKey"],
            principal=iam.service("cloudtrail", names.region),
            condition={
                "StringEquals": {
                    "aws:SourceAccount": names.account_id,
                    "aws:SourceArn": iam.arn("cloudtrail", names.region, names.account_id, f"trail/{names.trail}"),
                }
            },
        ),
        iam.allow(
            "AccessLogs",
            use,
            principal=iam.service("delivery.logs", names.region),
            condition={"StringEquals": {"aws:SourceAccount": names.account_id}},
        ),
        iam.allow(
            "Alarms",
            ["kms:GenerateDataKey*", "kms:Decrypt"],
            principal=iam.service("cloudwatch", names.region),
            condition={"StringEquals": {"aws:SourceAccount": names.account_id}},
        ),
        # Auto Scaling's service-linked role starts nodes with encrypted disks and has no IAM policy for our key; naming
        # the role would fail in an account where it does not exist yet. AWS's own key aws/ebs is written like this.
        iam.allow(
            "Disks",
            [*use, "kms:CreateGrant"],
            principal={"AWS": "*"},
            condition={
                "StringEquals": {
                    "aws:PrincipalAccount": names.account_id,
                    "kms:CallerAccount": names.account_id,
                    "kms:ViaService": f"ec2.{names.region}.{names.dns_suffix}",
                }
            },
        ),
    )


def _own_account(names: Names) -> Sequence[iam.Statement]:
    root = iam.account_root(names.region, names.account_id)
    return [iam.allow("OwnAccount", ["kms:*"], principal={"AWS": root})]
