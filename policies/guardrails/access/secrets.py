"""Signs of a secret in a plain place; the value itself is never shown."""

import re
from typing import Final

VALUE: Final = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{8,}|\b[sr]k_live_[A-Za-z0-9]{16,}|\bA[KS]IA[0-9A-Z]{16}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"
    r"|\bglpat-[\w-]{20,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bdckr_(pat|oat)_[\w-]{20,}|\bnpm_[A-Za-z0-9]{30,}"
    r"|\bpypi-[\w-]{50,}|\bAIza[\w-]{35}|\bpul-[0-9a-f]{40}|\bnvapi-[\w-]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."
    r"|\b[a-z][a-z0-9+.-]*://[^\s/:@\"'<>$%{}]*:[^\s/@\"'<>$%{}]+@"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/-]{16,}"
    r"|aws_secret_access_key[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9+/]{40}|_authToken\s*=\s*\S"
    r"|\"auth\"\s*:\s*\"[A-Za-z0-9+/=]{8,}\"|\bmachine\s+\S+\s+login\s+\S+\s+password\s+\S"
    # The private half of a JSON Web Key, or a symmetric one.
    r"|\\?\"d\\?\"\s*:\s*\\?\"[\w-]{40,}|\\?\"kty\\?\"\s*:\s*\\?\"oct\b"
)
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


def looks_secret(name: str, value: str | None) -> bool:
    """Whether a named literal value looks like a secret; `apiKey`, `api-key` and `API_KEY` are one name."""
    if not value:
        return False
    if VALUE.search(value):
        return True
    snake = _HUMP.sub("_", name)
    return NAME.search(snake) is not None and HARMLESS.search(snake) is None
