import json

from components.catalog.names import Names
from components.storage.keys import storage_policy
from tests.platform_stack import platform


def test_the_storage_key_rotates_and_stays_in_its_region() -> None:
    key = platform().one("aws:kms/key:Key", "keys-storage").inputs
    assert key["enableKeyRotation"] is True
    assert key["multiRegion"] is False
    assert key["deletionWindowInDays"] == 30


def test_the_signing_key_signs_es256_and_stays_in_its_region() -> None:
    key = platform().one("aws:kms/key:Key", "keys-signing").inputs
    assert (key["keyUsage"], key["customerMasterKeySpec"]) == ("SIGN_VERIFY", "ECC_NIST_P256")
    assert key["multiRegion"] is False


def test_whoever_is_not_of_our_account_needs_a_narrow_reason_to_use_the_key() -> None:
    statements = json.loads(storage_policy(Names(account_id="111122223333", region="eu-central-1")))["Statement"]
    for statement in statements:
        if statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}:
            continue
        equal = statement["Condition"]["StringEquals"]
        assert "111122223333" in (equal.get("aws:SourceAccount"), equal.get("aws:PrincipalAccount"))
        assert "kms:*" not in statement["Action"]


def test_log_groups_of_our_region_and_account_alone_use_the_key() -> None:
    statements = json.loads(storage_policy(Names(account_id="111122223333", region="eusc-de-east-1")))["Statement"]
    [logs] = [statement for statement in statements if statement["Sid"] == "LogGroups"]
    assert logs["Principal"] == {"Service": "logs.eusc-de-east-1.amazonaws.com"}
    assert logs["Condition"]["ArnLike"] == {
        "kms:EncryptionContext:aws:logs:arn": "arn:aws-eusc:logs:eusc-de-east-1:111122223333:log-group:*"
    }
