"""KMS keys: rotated, recoverable, under their own account's control."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule

_YEAR_DAYS = 366
_KMS = "https://docs.aws.amazon.com/kms/latest/developerguide/"


@rule("aws:kms/key:Key", fix="Set enableKeyRotation to true.", source=f"{_KMS}rotate-keys.html")
def access_key_rotates(key: Resource) -> Iterator[str]:
    """A key for encryption rotates every year; signing keys cannot."""
    encrypts = key.get("keyUsage") in (None, "ENCRYPT_DECRYPT")
    symmetric = key.get("customerMasterKeySpec") in (None, "SYMMETRIC_DEFAULT")
    if encrypts and symmetric and key.get("enableKeyRotation") is not True:
        yield "enableKeyRotation is not true"
    days = key.get("rotationPeriodInDays")
    if days is not None and days > _YEAR_DAYS:
        yield f"rotationPeriodInDays is {days:g}"


@rule(
    "aws:kms/key:Key",
    fix="Leave bypassPolicyLockoutSafetyCheck out; wait seven days or more.",
    source=f"{_KMS}deleting-keys.html",
)
def access_key_is_recoverable(key: Resource) -> Iterator[str]:
    """A key can be saved from deletion, and its account never loses control of it."""
    if key.get("bypassPolicyLockoutSafetyCheck"):
        yield "bypassPolicyLockoutSafetyCheck is true"
    days = key.get("deletionWindowInDays")
    if days is not None and days < 7:
        yield f"deletionWindowInDays is {days:g}"


RULES: tuple[Rule, ...] = (access_key_rotates, access_key_is_recoverable)
