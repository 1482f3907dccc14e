"""Keys and secrets: rotated, recoverable, under their own account's control, and never in a program."""

from collections.abc import Iterator

from ..findings import Resource, each
from ..rules import Rule, rule
from .secrets import holds_secret, looks_secret

_YEAR_DAYS = 366
_WEEK_DAYS = 7
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
    fix="Leave bypassPolicyLockoutSafetyCheck and isEnabled out; wait seven days or more.",
    source=f"{_KMS}deleting-keys.html",
)
def access_key_is_recoverable(key: Resource) -> Iterator[str]:
    """A key can be saved from deletion, and its account never loses control of it."""
    if key.get("bypassPolicyLockoutSafetyCheck"):
        yield "bypassPolicyLockoutSafetyCheck is true"
    if key.get("isEnabled") is False:
        yield "isEnabled is false, so what it encrypted cannot be read"
    yield from _too_short(key, "deletionWindowInDays")


@rule(
    "aws:secretsmanager/secret:Secret",
    fix="Leave recoveryWindowInDays out, or give seven days or more.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
)
def access_secret_is_recoverable(secret: Resource) -> Iterator[str]:
    """A secret can be saved from deletion."""
    yield from _too_short(secret, "recoveryWindowInDays")


def _too_short(resource: Resource, field: str) -> Iterator[str]:
    days = resource.get(field)
    if days is not None and days < _WEEK_DAYS:
        yield f"{field} is {days:g}"


@rule(
    "aws:codebuild/project:Project",
    fix="Take it from Secrets Manager: type SECRETS_MANAGER, and the secret's name as value.",
    source="https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    severity="critical",
)
def access_build_holds_no_secret(project: Resource) -> Iterator[str]:
    """No variable and no step of a build holds a secret as plain text."""
    for path, variable in each(project.props, "environment.environmentVariables"):
        plain = variable.get("type") in (None, "", "PLAINTEXT")
        if plain and looks_secret(str(variable.get("name")), str(variable.get("value"))):
            yield f"{path} ({variable.get('name')}) looks like a secret"
    if holds_secret(str(project.get("source.buildspec") or "")):
        yield "source.buildspec looks like it holds a secret"


RULES: tuple[Rule, ...] = (
    access_key_rotates,
    access_key_is_recoverable,
    access_secret_is_recoverable,
    access_build_holds_no_secret,
)
