"""Who gets in, asked of a real Envoy."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operations.token_revoke import FolderTarget, publish_revocations
from tests.gateway.conftest import Estate
from tests.gateway.harness import CHAT, RunningGateway, eventually, request
from tests.operations.local_key import LocalKey

pytestmark = pytest.mark.servers


def encode(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(gateway: RunningGateway) -> str:
    return f"{encode({'alg': 'none', 'typ': 'JWT'})}.{encode(gateway.claims())}."


def signed_with_the_public_key(gateway: RunningGateway) -> str:
    text = f"{encode({'alg': 'HS256', 'kid': gateway.key.kid})}.{encode(gateway.claims())}"
    public = base64.b64decode(gateway.key.public().public_key)
    return f"{text}.{encode(hmac.new(public, text.encode(), hashlib.sha256).digest())}"


def with_changed_claims(gateway: RunningGateway) -> str:
    header, _, signature = gateway.token().split(".")
    return f"{header}.{encode(gateway.claims(models=['llama', 'qwen']))}.{signature}"


REFUSED: dict[str, Callable[[RunningGateway], str]] = {
    "expired": lambda gateway: gateway.token(exp=int(time.time()) - 20),
    "not yet valid": lambda gateway: gateway.token(nbf=int(time.time()) + 600),
    "without an end": lambda gateway: gateway.token(exp=None),
    "valid for longer than any client may": lambda gateway: gateway.token(exp=int(time.time()) + 30 * 86400),
    "of another issuer": lambda gateway: gateway.token(iss="https://tokens.example.com"),
    "without an issuer": lambda gateway: gateway.token(iss=None),
    "for another audience": lambda gateway: gateway.token(aud="another-stack"),
    "without an audience": lambda gateway: gateway.token(aud=None),
    "of another key with our key's name": lambda gateway: gateway.token(key=LocalKey(gateway.key.kid)),
    "of a key with another name": lambda gateway: gateway.token(key=LocalKey("key-2")),
    "with algorithm none": unsigned,
    "with an HMAC over the public key": signed_with_the_public_key,
    "with changed claims": with_changed_claims,
    "cut": lambda gateway: gateway.token()[:-8],
    "empty": lambda gateway: "",
    "not a token": lambda gateway: "sk-1234567890",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_token_is_refused(estate: Estate, kind: str) -> None:
    before = estate.reached()
    answer = estate.gateway.post(REFUSED[kind](estate.gateway))
    assert answer.error in ((401, "invalid_api_key"), (401, "missing_api_key"))
    assert answer.headers["www-authenticate"].startswith('Bearer realm="cloister"')
    assert estate.reached() == before


def test_a_request_without_a_token_is_told_how_to_authenticate(estate: Estate) -> None:
    answer = estate.gateway.post(None)
    assert answer.error == (401, "missing_api_key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="cloister"'


def test_a_token_in_the_url_does_not_count(estate: Estate) -> None:
    token = estate.gateway.token()
    assert estate.gateway.post(None, path=f"{CHAT}?access_token={token}").status == 404


def test_a_second_authorization_header_does_not_help(estate: Estate) -> None:
    before = estate.reached()
    other = ("authorization", "Bearer sk-other")
    assert estate.gateway.post(estate.gateway.token(), headers=[other]).status == 401
    assert estate.reached() == before


@pytest.mark.parametrize("subject", ["nobody", "", None, "acme ", "ACME", 'a","x":"'])
def test_a_signed_token_of_an_undeclared_client_is_refused(estate: Estate, subject: str | None) -> None:
    before = estate.reached()
    answer = estate.gateway.post(estate.gateway.token(sub=subject))
    assert answer.error == (401, "unknown_client")
    assert estate.reached() == before


def test_a_token_without_an_id_is_refused_because_it_could_not_be_revoked(estate: Estate) -> None:
    assert estate.gateway.post(estate.gateway.token(jti=None)).error == (401, "unknown_client")


def test_a_header_does_not_stand_in_for_a_claim_that_is_missing(estate: Estate) -> None:
    before = estate.reached()
    gateway = estate.gateway
    nobody = gateway.post(gateway.token(sub=None), headers=[("x-client-id", "acme")])
    nameless = gateway.post(gateway.token(jti=None), headers=[("x-cloister-jti", "some-id")])
    assert (nobody.error, nameless.error) == ((401, "unknown_client"), (401, "unknown_client"))
    assert estate.reached() == before


def test_an_accepted_token_still_expires(estate: Estate) -> None:
    # Inside the clock skew of 5 s: accepted and remembered, and refused a moment later.
    token = estate.gateway.token(exp=int(time.time()) - 2)
    assert estate.gateway.post(token).status == 200
    eventually(lambda: estate.gateway.post(token).status == 401, 6)


def test_a_revoked_token_is_refused_within_two_seconds_and_others_are_not_disturbed(estate: Estate) -> None:
    gateway = estate.gateway
    token, other = gateway.token(jti="revoke-me"), gateway.token("other")
    assert gateway.post(token).status == 200
    gateway.revoke(jti=["revoke-me", *(f"old-{number}" for number in range(500))])
    seen: list[int] = []

    def refused() -> bool:
        seen.append(gateway.post(other).status)
        return gateway.post(token).error == (401, "token_revoked")

    eventually(refused, 2)
    assert set(seen) == {200}
    assert gateway.post(gateway.token()).status == 200
    gateway.revoke()


def test_all_tokens_of_a_revoked_client_are_refused_within_two_seconds(estate: Estate) -> None:
    gateway = estate.gateway
    tokens = [gateway.token("evil"), gateway.token("evil")]
    assert [gateway.post(token).status for token in tokens] == [200, 200]
    gateway.revoke(clients=["evil"])
    eventually(lambda: all(gateway.post(token).error == (401, "token_revoked") for token in tokens), 2)
    assert gateway.post(gateway.token()).status == 200
    gateway.revoke()
    eventually(lambda: gateway.post(tokens[0]).status == 200, 2)


def test_a_broken_revocation_file_leaves_the_last_good_one_in_force(estate: Estate) -> None:
    gateway = estate.gateway
    token = gateway.token(jti="stays-revoked")
    gateway.revoke(jti=["stays-revoked"])
    eventually(lambda: gateway.post(token).status == 401, 2)
    publish_revocations(FolderTarget(folder=Path(gateway.plan.revocation_folder)), "{broken")
    time.sleep(0.3)
    assert gateway.post(token).error == (401, "token_revoked")
    assert gateway.post(gateway.token()).status == 200
    gateway.revoke()


def test_a_client_cannot_say_who_it_is(estate: Estate) -> None:
    spoofed = [("x-client-id", "other"), ("X-Cloister-Jti", "x"), ("x-cloister-cost", "0"), ("x-request-id", "mine")]
    engine_headers = [("x-data-parallel-rank", "3"), ("x-forwarded-for", "10.0.0.1"), ("cookie", "a=b")]
    answer = estate.gateway.post(estate.gateway.token(), headers=[*spoofed, *engine_headers])
    assert answer.status == 200
    headers = estate.llama.seen[-1].headers
    assert headers["x-client-id"] == "acme"
    assert headers["x-request-id"] not in ("", "mine")
    assert headers["host"] == "llama"


def test_an_engine_sees_no_header_but_those_that_it_needs(estate: Estate) -> None:
    strange = [
        "cookie",
        "api-key",
        "forwarded",
        "via",
        "traceparent",
        "user-agent",
        "origin",
        "range",
        "te",
        "lora",
        "b3",
    ]
    strange += [
        "proxy-authorization",
        "openai-organization",
        "accept-encoding",
        "expect-ct",
        "sec-fetch-mode",
        "x-api-key",
    ]
    headers = [
        *((name, "1") for name in strange),
        ("accept", "text/event-stream"),
        ("connection", "close, x-client-id"),
    ]
    assert estate.gateway.post(estate.gateway.token(), headers=headers).status == 200
    wanted = {"host", "content-type", "content-length", "accept", "x-request-id", "x-client-id"}
    assert set(estate.llama.seen[-1].headers) == wanted


def test_the_host_that_a_client_names_changes_nothing(estate: Estate) -> None:
    for host in ("llama", "127.0.0.1:8000", "gateway.test:1", "a" * 200):
        raw = request("POST", CHAT, b"{}").replace(b"gateway.test", host.encode())
        assert estate.gateway.send(raw).error == (401, "missing_api_key")


def test_the_list_of_models_is_the_clients_own(estate: Estate) -> None:
    def names(client: str) -> list[str]:
        answer = estate.gateway.get("/v1/models", estate.gateway.token(client))
        assert answer.headers["content-type"] == "application/json"
        return [model["id"] for model in json.loads(answer.body)["data"]]

    assert (names("acme"), names("both")) == (["llama"], ["llama", "qwen"])
    assert estate.gateway.get("/v1/models").error == (401, "missing_api_key")
    assert estate.gateway.get("/v1/models", estate.gateway.token("nobody")).error == (401, "unknown_client")


def test_metrics_show_clients_and_the_metrics_listener_shows_nothing_else(estate: Estate) -> None:
    gateway = estate.gateway
    gateway.post(gateway.token())
    port = gateway.plan.metrics_port

    def counted() -> bool:
        text = gateway.get("/stats/prometheus", port=port).body.decode()
        return any("cloister_requests" in line and '"acme"' in line for line in text.splitlines())

    eventually(counted)
    for path in ("/", "/config_dump", "/stats", "/clusters", "/stats/prometheus?filter=x", "/ready/", "/quitquitquit"):
        assert gateway.get(path, port=port).status == 404
    assert gateway.send(request("POST", "/ready"), port).status == 404
