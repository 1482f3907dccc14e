"""What the Hub answers when it does not give what was asked for: how long to wait, and what a person is told."""

from typing import Any, Final
from urllib.parse import urlsplit

from httpx2 import HTTPError, LocalProtocolError, TransportError
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils._http import parse_ratelimit_headers

from operations.errors import CommandError

ATTEMPTS: Final = 6
PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 330.0
"""The Hub counts requests in windows of five minutes. Source: Hugging Face documentation, "Hub rate limits"."""
EXPECTED: Final = (HfHubHTTPError, HTTPError, OSError, AttributeError, KeyError, TypeError, ValueError)
"""What the Hub's client raises; the last four where somebody else answers in its place."""
NO_TOKEN_IS_LIKE_THIS: Final = "HF_TOKEN holds a character that no token has; set it again"


def pause(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before the next attempt; None where no later attempt would help.

    Args:
        error: what an attempt ended with.
        attempt: its number, from 1.
    """
    if attempt >= ATTEMPTS or isinstance(error, OfflineModeIsEnabled | LocalProtocolError):
        return None
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status != 429 and status < 500:
            return None
        if (told := _told(error.response)) is not None:
            return told if told <= LONGEST_PAUSE_SECONDS else None
    elif not isinstance(error, TransportError | OSError):
        return None
    return PAUSE_SECONDS * 2.0**attempt


def refusal(place: str, repository: str, revision: str | None, error: Exception) -> CommandError:
    """One line for people: never the token, nor the signed address of a file.

    Args:
        place: what was asked for: a repository, or a file of it.
        repository: `owner/name`.
        revision: what was asked for; None for the newest.
        error: what the last attempt ended with.
    """
    return CommandError(f"{place}: {_words(repository, revision, error)}")


def _words(repository: str, revision: str | None, error: Exception) -> str:
    if isinstance(error, HFValidationError):
        return "not the name of a repository; write it like owner/name"
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset it, or run this where there is internet"
    if isinstance(error, LocalProtocolError | UnicodeError):
        return NO_TOKEN_IS_LIKE_THIS  # the error itself quotes the header, and with it the token
    if isinstance(error, HfHubHTTPError):
        return _refused(repository, revision, error)
    if isinstance(error, TransportError | OSError):
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"the Hub at {_host(constants.ENDPOINT)} cannot be reached ({reason}); run this where there is internet"
    return f"what {_host(constants.ENDPOINT)} answers is not the Hub's; check HF_ENDPOINT and the proxy"


def _refused(repository: str, revision: str | None, error: HfHubHTTPError) -> str:
    status, host = error.response.status_code, _host(str(error.response.url))
    if isinstance(error, GatedRepoError):
        return (
            f"gated; accept its terms at {constants.ENDPOINT}/{repository} and set HF_TOKEN to a token of that account"
        )
    if isinstance(error, RepositoryNotFoundError):
        return "no such repository, or it is private and HF_TOKEN may not read it; check the name and the token"
    if isinstance(error, RevisionNotFoundError):
        if revision is None:
            return "the repository has no commit yet; wait for its files, or name another repository"
        return f"no revision {revision!r}; use a branch, a tag or a commit's hash"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"not in revision {revision}; lock the model again"
    if status == 429:
        told = _told(error.response)
        wait = "later" if told is None else f"in {told:.0f} s"
        return f"{host} answers 429, too many requests; try again {wait}, a token in HF_TOKEN has a higher limit"
    if status >= 500:
        return f"{host} answers {status}; it has trouble of its own, try again later"
    if host != _host(constants.ENDPOINT):
        return f"{host}, which keeps the Hub's files, answers {status}; run it again, its addresses hold for minutes"
    if status == 401:
        return "the Hub does not accept HF_TOKEN; set one that is valid, or unset it for public models"
    if status == 403:
        return "HF_TOKEN may not read this; give it read access to the repository"
    return f"{host} answers {status}; check the name, HF_ENDPOINT and the proxy"


def _told(response: Any) -> float | None:
    """Seconds that the Hub asks to wait."""
    limit = parse_ratelimit_headers(response.headers)
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    told = response.headers.get("Retry-After", "").strip()
    return float(told) if told.isdigit() else None


def _host(address: str) -> str:
    return urlsplit(address).netloc.rpartition("@")[2]
