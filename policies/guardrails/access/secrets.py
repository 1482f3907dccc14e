"""Signs of a secret in a plain place; the value itself is never shown."""

import re
from typing import Final

# What every such secret holds, and how the whole looks. The first is looked for alone: it is a hundred times as fast.
_VALUES: Final = tuple(
    (sign, re.compile(pattern))
    for sign, pattern in (
        ("hf_", r"\bhf_[A-Za-z0-9]{20,}"),
        ("sk-", r"\bsk-[A-Za-z0-9_-]{8,}"),
        ("k_live_", r"\b[sr]k_live_[A-Za-z0-9]{16,}"),
        ("AKIA", r"\bAKIA[0-9A-Z]{16}\b"),
        ("ASIA", r"\bASIA[0-9A-Z]{16}\b"),
        ("PRIVATE KEY", r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----"),
        ("gh", r"\bgh[pousr]_[A-Za-z0-9]{20,}"),
        ("github_pat_", r"\bgithub_pat_\w{20,}"),
        ("glpat-", r"\bglpat-[\w-]{20,}"),
        ("xox", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
        ("dckr_", r"\bdckr_(pat|oat)_[\w-]{20,}"),
        ("npm_", r"\bnpm_[A-Za-z0-9]{30,}"),
        ("pypi-", r"\bpypi-[\w-]{50,}"),
        ("AIza", r"\bAIza[\w-]{35}"),
        ("pul-", r"\bpul-[0-9a-f]{40}"),
        ("nvapi-", r"\bnvapi-[\w-]{20,}"),
        ("eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
        ("://", r"://[^\s/:@\"'<>$%{}]*:[^\s/@\"'<>$%{}]+@"),
        ("Bearer", r"Bearer\s+[A-Za-z0-9._~+/-]{16,}"),
        ("Basic", r"Basic\s+[A-Za-z0-9._~+/-]{16,}"),
        ("aws_secret_access_key", r"aws_secret_access_key[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9+/]{40}"),
        ("_authToken", r"_authToken\s*=\s*\S"),
        ('"auth"', r"\"auth\"\s*:\s*\"[A-Za-z0-9+/=]{8,}\""),
        ("machine", r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+\S"),
        # The private half of a JSON Web Key, or a symmetric one.
        ('"d', r"\"d\\?\"\s*:\s*\\?\"[\w-]{40,}"),
        ('"kty', r"\"kty\\?\"\s*:\s*\\?\"oct\b"),
    )
)
_SHORTEST: Final = len("://a:b@")
NAME: Final = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|APIKEY|API_KEY|PRIVATE_KEY|ACCESS_KEY|SIGNING_KEY|ENCRYPTION_KEY"
    r"|MASTER_KEY|AUTHORIZATION|BEARER|CREDENTIALS?)($|_)",
    re.IGNORECASE,
)
# Names that look like a secret's and hold a path, a name or a number.
HARMLESS: Final = re.compile(
    r"(_FILE|_PATH|_URL|_NAME|_ARN|_ID|_AUDIENCE|_ISSUER|_LIMIT|_COUNT|_BUDGET|_LENGTH|_MAX)$", re.IGNORECASE
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-.]")


def holds_secret(text: str) -> bool:
    """Whether a text holds what is a secret by its form."""
    if len(text) < _SHORTEST:
        return False
    for sign, pattern in _VALUES:  # noqa: SIM110 - asked of every text of every object, and any() takes twice as long
        if sign in text and pattern.search(text) is not None:
            return True
    return False


def looks_secret(name: str, value: str | None) -> bool:
    """Whether a named literal value looks like a secret; `apiKey`, `api-key` and `API_KEY` are one name."""
    if not value:
        return False
    if holds_secret(value):
        return True
    snake = _HUMP.sub("_", name)
    return NAME.search(snake) is not None and HARMLESS.search(snake) is None
