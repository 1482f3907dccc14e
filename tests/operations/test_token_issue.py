import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from operations.errors import CommandError
from operations.token_inspect import inspect
from operations.token_records import TokenRecord, find_token, keep_token
from operations.token_revoke import revoke
from operations.token_signing import key_name
from tests.operations.local_key import LocalKey
from tests.operations.token_estate import BUCKET, NOW, Account, account


@pytest.fixture(scope="module")
def kept() -> Iterator[Account]:
    with account() as found:
        yield found


@pytest.fixture
def aws(kept: Account) -> Account:
    kept.empty()
    return kept


def test_a_token_that_kms_signed_verifies_with_the_exported_public_key(aws: Account) -> None:
    key = aws.create_key()
    issued = aws.issue(kms=aws.kms, signing_key=key.kid)
    found = inspect(issued.token, signing_keys=[key], now=NOW)
    assert (found.signature, found.state, found.kid) == ("good", "valid", key.kid)
    assert found.claims == {
        "iss": "https://tokens.cloister.internal/test",
        "aud": "cloister-test",
        "sub": "demo",
        "models": ["llama", "qwen"],
        "tier": "standard",
        "jti": issued.record.jti,
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(hours=8)).timestamp()),
    }


def test_the_audit_bucket_gets_a_record_and_never_the_token(aws: Account) -> None:
    issued = aws.issue(models=["llama"])
    ((name, text),) = aws.objects().items()
    assert name == f"tokens/demo/{issued.record.jti}.json"
    assert json.loads(text)["models"] == ["llama"]
    assert json.loads(text)["expires_at"] == "2026-11-21T20:00:00Z"
    assert not any(part in text for part in issued.token.split("."))
    assert issued.token not in repr(issued)
    assert find_token(issued.record.jti, audit_bucket=BUCKET, s3=aws.s3) == issued.record


def test_nothing_is_signed_if_the_record_cannot_be_written(aws: Account) -> None:
    key = LocalKey()
    with pytest.raises(ClientError):
        aws.issue(kms=key, audit_bucket="no-such-bucket")
    assert key.signed == 0


def test_a_record_is_never_replaced(aws: Account) -> None:
    record = aws.issue().record
    with pytest.raises(ClientError, match="PreconditionFailed"):
        keep_token(record, audit_bucket=BUCKET, s3=aws.s3)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"client": "dem"}, "client 'dem' is not declared under `clients:`; did you mean 'demo'?"),
        ({"client": "zzz"}, "client 'zzz' is not declared under `clients:`; declared are: demo, reports"),
        ({"models": ["gpt-4"]}, "client 'demo' may not use model 'gpt-4'; it may use llama, qwen"),
        ({"client": "reports", "models": ["llama", "qwen"]}, "client 'reports' may not use model 'qwen'"),
        ({"models": []}, "a token for no model is of no use"),
        ({"hours": 24.5}, "client 'demo' may hold a token for at most 24 hours, not 24.5"),
        ({"hours": 0}, "at most 24 hours, not 0"),
        ({"hours": -1}, "at most 24 hours, not -1"),
        ({"hours": float("nan")}, "at most 24 hours, not nan"),
    ],
)
def test_what_is_not_declared_is_not_issued(aws: Account, changes: dict[str, object], problem: str) -> None:
    key = LocalKey()
    with pytest.raises(CommandError) as raised:
        aws.issue(kms=key, **changes)
    assert problem in str(raised.value)
    assert (key.signed, aws.objects()) == (0, {})


def test_a_revoked_client_gets_no_token_until_all_its_old_ones_have_expired(aws: Account) -> None:
    revoke(client="demo", reason="laptop stolen", audit_bucket=BUCKET, s3=aws.s3, now=NOW)
    with pytest.raises(CommandError, match=r"client 'demo' is revoked until 2027-02-19 \(laptop stolen\)"):
        aws.issue()
    assert aws.issue(client="reports").record.client == "reports"
    assert aws.issue(now=NOW + timedelta(days=91)).record.client == "demo"


def test_two_tokens_have_two_ids(aws: Account) -> None:
    assert aws.issue().record.jti != aws.issue().record.jti


@pytest.mark.parametrize(
    "key",
    [
        "0e3e5c5e-7c9d-4f6b-9a55-8d0d6f0a1b2c",
        "arn:aws:kms:eu-central-1:111122223333:key/0e3e5c5e-7c9d-4f6b-9a55-8d0d6f0a1b2c",
    ],
)
def test_the_key_is_named_by_the_last_part_of_its_arn(key: str) -> None:
    assert key_name(key) == "0e3e5c5e-7c9d-4f6b-9a55-8d0d6f0a1b2c"
    assert key_name("alias/cloister-signing") == "cloister-signing"


def test_claims_that_kms_would_not_sign_in_one_call_are_refused(aws: Account) -> None:
    from components.settings.gateway import Client

    models = tuple(f"model-{number:030d}" for number in range(100))
    many = Client(models=models, tier="standard", longest_token_hours=24, contact="demo@example.com")
    with pytest.raises(CommandError, match="KMS signs at most 4096; name fewer models"):
        aws.issue(clients={"demo": many})


def test_a_token_of_another_key_or_with_changed_claims_is_seen_through(aws: Account) -> None:
    key = LocalKey("key-1")
    token = aws.issue(kms=key).token
    header, claims, signature = token.split(".")
    other = aws.issue(kms=LocalKey("key-1"), hours=1).token.split(".")[1]
    keys = [key.public()]
    assert inspect(token, signing_keys=keys, now=NOW).signature == "good"
    assert inspect(f"{header}.{other}.{signature}", signing_keys=keys, now=NOW).signature == "bad"
    assert inspect(f"{header}.{claims}.{signature[:-8]}", signing_keys=keys, now=NOW).signature == "bad"
    assert inspect(token, signing_keys=[LocalKey("key-1").public()], now=NOW).signature == "bad"
    assert inspect(token, signing_keys=[LocalKey("key-2").public()], now=NOW).signature == "unknown key"


def test_times_are_read_from_the_token(aws: Account) -> None:
    token = aws.issue(hours=1).token
    states = [
        inspect(token, signing_keys=[], now=NOW + timedelta(minutes=minutes)).state for minutes in (-1, 0, 59, 60)
    ]
    assert states == ["not yet valid", "valid", "valid", "expired"]


@pytest.mark.parametrize("text", ["", "sk-123", "a.b.c", "..", "e30.e30.e30", "W10.W10.W10", "\u00e9.\u00e9.\u00e9"])
def test_what_is_no_token_is_said_to_be_none(text: str) -> None:
    with pytest.raises(CommandError, match="this is not a token of ours"):
        inspect(text, signing_keys=[], now=NOW)


def test_a_record_without_a_time_zone_cannot_be_read() -> None:
    from pydantic import TypeAdapter, ValidationError

    fields = {"jti": "a", "client": "b", "models": [], "tier": "c", "issuer": "d", "audience": "e", "kid": "f"}
    times = {"issued_at": "2026-11-21T12:00:00", "expires_at": "2026-11-21T12:00:00"}
    with pytest.raises(ValidationError):
        TypeAdapter(TokenRecord).validate_json(json.dumps(fields | times))
