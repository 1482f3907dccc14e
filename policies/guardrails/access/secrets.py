"""Signs of a secret in a plain place; the value itself is never shown."""

import re
from typing import Final

VALUE: Final = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{8,}|\bA[KS]IA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[baprs]-[A-Za-z0-9-]{10,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."
)
NAME: Final = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|APIKEY|API_KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)($|_)", re.IGNORECASE
)
# Names that look like a secret's and hold a path, a name or a number.
HARMLESS: Final = re.compile(
    r"(_FILE|_PATH|_URL|_NAME|_ARN|_ID|_AUDIENCE|_ISSUER|_LIMIT|_COUNT|_BUDGET|_LENGTH|_MAX)$", re.IGNORECASE
)


def looks_secret(name: str, value: str | None) -> bool:
    """Whether a named literal value looks like a secret."""
    if not value:
        return False
    if VALUE.search(value):
        return True
    return NAME.search(name) is not None and HARMLESS.search(name) is None
