"""An account as the token functions see it: a KMS key, an audit bucket, declared clients."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from components.gateway.configuration import SigningKey
from components.settings.gateway import Client, Gateway
from operations.token_issue import IssuedToken, issue
from tests.operations.local_key import LocalKey

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BUCKET = "audit"
GATEWAY = Gateway(issuer="https://tokens.cloister.internal/test", audience="cloister-test")
CLIENTS = {
    "demo": Client(models=("llama", "qwen"), tier="standard", longest_token_hours=24, contact="demo@example.com"),
    "reports": Client(models=("llama",), tier="standard", longest_token_hours=8, contact="reports@example.com"),
}


@dataclass(frozen=True)
class Account:
    """Clients of a moto account."""

    kms: Any
    s3: Any

    def issue(self, **changes: Any) -> IssuedToken:
        good: dict[str, Any] = {
            "client": "demo",
            "models": None,
            "hours": 8,
            "gateway": GATEWAY,
            "clients": CLIENTS,
            "signing_key": "key-1",
            "audit_bucket": BUCKET,
            "kms": LocalKey(),
            "s3": self.s3,
            "now": NOW,
        }
        return issue(**(good | changes))

    def objects(self) -> dict[str, str]:
        """Key -> text of everything in the audit bucket."""
        keys = [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
        return {key: self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys}

    def create_key(self) -> SigningKey:
        """A key in the account's KMS, and its public half as the platform exports it."""
        found = self.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        public = self.kms.get_public_key(KeyId=found)["PublicKey"]
        return SigningKey(kid=found, public_key=base64.b64encode(public).decode())

    def empty(self) -> None:
        """Forget what an earlier test left: boto3 needs half a second for a new account."""
        for key in self.objects():
            self.s3.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def account() -> Iterator[Account]:
    """One account in this process."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        environment.delenv("AWS_PROFILE", raising=False)
        s3 = boto3.client("s3", region_name="eu-central-1")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield Account(boto3.client("kms", region_name="eu-central-1"), s3)
