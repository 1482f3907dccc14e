"""The proof at the end of a rehearsal: a real answer for a client that may ask, and a refusal for every other one."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import openai

from operations.errors import CommandError

# Engines agree on the greedy answer to this one: its first token has a wide margin.
QUESTION: Final = "What is the capital of Japan?"
EXPECTED: Final = "Tokyo"
_TIMEOUT_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A streamed answer as a client saw it."""

    text: str
    chunks: int
    first_token_seconds: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One request that must not reach the engine, and what came back."""

    case: str
    status: int
    code: str


def ask(url: str, token: str, model: str, question: str = QUESTION) -> Answer:
    """The answer to a question, streamed by the unchanged `openai` client.

    Raises:
        CommandError: the gateway refused, or what came back is no answer to the question.
    """
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=token, timeout=_TIMEOUT_SECONDS, max_retries=0)
    started = time.monotonic()
    first = 0.0
    pieces: list[str] = []
    try:
        stream = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": question}],
            temperature=0,
            max_tokens=24,
            stream=True,
        )
        for chunk in stream:
            if chunk.choices and (piece := chunk.choices[0].delta.content):
                first = first or time.monotonic() - started
                pieces.append(piece)
    except openai.APIError as error:
        raise CommandError(f"{url} did not answer the question {question!r}: {error}") from None
    text = "".join(pieces).strip()
    if question == QUESTION and EXPECTED not in text:
        raise CommandError(f"{url} answered {text!r} to {question!r}; expected {EXPECTED!r} in it")
    return Answer(text=text, chunks=len(pieces), first_token_seconds=first, seconds=time.monotonic() - started)


def refusals(url: str, model: str, unnamed_model: str, tokens: Mapping[str, str]) -> Iterator[Refusal]:
    """Send what must be refused, and yield each refusal.

    Args:
        url: the gateway's address without `/v1`.
        model: a model that the valid token names.
        unnamed_model: a served model that it does not name.
        tokens: `valid`, `expired` and `revoked`.

    Raises:
        CommandError: one of them was not refused as it must be.
    """
    chat = "/v1/chat/completions"
    # case -> token, method, path, model; then the status and OpenAI's error code that must come back
    cases: dict[str, tuple[str | None, str, str, str, int, str]] = {
        "no token": (None, "POST", chat, model, 401, "missing_api_key"),
        "expired token": (tokens["expired"], "POST", chat, model, 401, "invalid_api_key"),
        "revoked token": (tokens["revoked"], "POST", chat, model, 401, "token_revoked"),
        "a model that the token does not name": (
            tokens["valid"],
            "POST",
            chat,
            unnamed_model,
            403,
            "model_not_allowed",
        ),
        "a model that nobody serves": (tokens["valid"], "POST", chat, "gpt-unknown", 404, "model_not_found"),
        "an open route of the engine": (tokens["valid"], "POST", "/invocations", model, 404, "not_found"),
        "the engine's metrics": (tokens["valid"], "GET", "/metrics", model, 404, "not_found"),
    }
    with httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        for case, (token, method, path, asked, status, code) in cases.items():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            body = {"model": asked, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1}
            response = client.request(method, path, headers=headers, json=body if method == "POST" else None)
            found = _error_code(response)
            if (response.status_code, found) != (status, code):
                raise CommandError(
                    f"{case}: {method} {url}{path} gave {response.status_code} {found!r}, not {status} {code!r}"
                )
            yield Refusal(case=case, status=response.status_code, code=found)


def _error_code(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
