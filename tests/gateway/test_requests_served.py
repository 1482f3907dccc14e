"""What gets through, asked of a real Envoy."""

import gzip
import json
import time
from typing import Any

import pytest

from tests.gateway.conftest import Estate
from tests.gateway.harness import CHAT, Answer, eventually, read_answer, request

pytestmark = pytest.mark.servers

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
def test_a_good_request_reaches_its_engine(estate: Estate, path: str) -> None:
    answer = estate.gateway.post(estate.gateway.token(), path=path)
    assert answer.status == 200
    assert (estate.llama.seen[-1].method, estate.llama.seen[-1].path) == ("POST", path)


def test_each_model_has_its_own_engine_also_behind_a_name(estate: Estate) -> None:
    before = len(estate.llama.seen), len(estate.qwen.seen)
    assert estate.gateway.post(estate.gateway.token("both"), {"model": "qwen", "messages": MESSAGES}).status == 200
    assert (len(estate.llama.seen), len(estate.qwen.seen)) == (before[0], before[1] + 1)


def test_the_salt_is_the_clients_and_all_other_bytes_stay(estate: Estate) -> None:
    body = (
        b' {"zeta":1, "model":"llama","seed":9007199254740993,'
        b'"messages":[{"role":"user","content":"h\\u00e9 \\"}{"}],\n'
        b'"response_format":{"properties":{"b":{},"a":{}}},"t":1.0,"big":1e22}'
    )
    assert estate.gateway.post(estate.gateway.token(), body).status == 200
    assert estate.llama.seen[-1].body == body[:-1] + b',"cache_salt":"cloister:acme"}'
    assert estate.llama.seen[-1].json()["cache_salt"] == "cloister:acme"
    assert estate.gateway.post(estate.gateway.token("other"), body).status == 200
    assert estate.llama.seen[-1].json()["cache_salt"] == "cloister:other"


BODIES: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (b"model=llama", 400, "invalid_json"),
    "an array": (b'[{"model":"llama"}]', 400, "invalid_json"),
    "two objects": (b'{"model":"llama"}{"model":"qwen"}', 400, "invalid_json"),
    "a comment": (b'{"model":"llama"/**/}', 400, "invalid_json"),
    "open": (b'{"model":"llama"', 400, "invalid_json"),
    "a repeated model": (b'{"model":"llama","model":"qwen"}', 400, "invalid_json"),
    "a repeated late model": (b'{"model":"llama","x":"' + b"y" * 70_000 + b'","model":"qwen"}', 400, "invalid_json"),
    "an escaped key": (b'{"model":"llama","mod\\u0065l":"qwen"}', 400, "invalid_json"),
    "an escaped salt": (b'{"model":"llama","c\\u0061che_salt":"x"}', 400, "invalid_json"),
    "UTF-16": ('{"model":"llama"}'.encode("utf-16"), 400, "invalid_json"),
    "a byte order mark": (b'\xef\xbb\xbf{"model":"llama"}', 400, "invalid_json"),
    "a NUL byte": (b'{"model":"llama"}\x00', 400, "invalid_json"),
    "empty": (b"", 400, "missing_model"),
    "an empty object": (b"{}", 400, "missing_model"),
    "no model": (b'{"messages":[]}', 400, "missing_model"),
    "a nested model": (b'{"x":{"model":"llama"}}', 400, "missing_model"),
    "a model that is a number": (b'{"model":5}', 400, "missing_model"),
    "a model that is a list": (b'{"model":["llama"]}', 400, "missing_model"),
    "a model that is null": (b'{"model":null}', 400, "missing_model"),
    "a model with an escape": (b'{"model":"ll\\u0061ma"}', 400, "missing_model"),
    "a capital letter": (b'{"Model":"llama"}', 400, "missing_model"),
    "a model nobody serves": (b'{"model":"gpt-4"}', 404, "model_not_found"),
    "a model with a space": (b'{"model":"llama "}', 404, "model_not_found"),
    "another client's model": (b'{"model":"qwen"}', 403, "model_not_allowed"),
    "a salt": (b'{"model":"llama","cache_salt":"x"}', 400, "unsupported_parameter"),
    "a salt that is null": (b'{"model":"llama","cache_salt":null}', 400, "unsupported_parameter"),
    "a long salt": (b'{"cache_salt":"' + b"x" * 20_000 + b'","model":"llama"}', 400, "unsupported_parameter"),
    "a slot": (b'{"model":"llama","id_slot":0}', 400, "unsupported_parameter"),
    "foreign attention blocks": (b'{"model":"llama","kv_transfer_params":{}}', 400, "unsupported_parameter"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_bad_body_reaches_no_engine(estate: Estate, kind: str) -> None:
    body, status, code = BODIES[kind]
    before = estate.reached()
    assert estate.gateway.post(estate.gateway.token(), body).error == (status, code)
    assert estate.reached() == before


def test_a_model_late_in_a_large_body_is_found(estate: Estate) -> None:
    body = b'{"messages":[{"role":"user","content":"' + b"x" * 900_000 + b'"}],"model":"llama"}'
    assert estate.gateway.post(estate.gateway.token(), body).status == 200
    assert len(estate.llama.seen[-1].body) == len(body) + len(',"cache_salt":"cloister:acme"')


def test_a_salt_inside_another_member_is_no_salt(estate: Estate) -> None:
    assert estate.gateway.post(estate.gateway.token(), {"model": "llama", "x": {"cache_salt": "y"}}).status == 200
    assert estate.llama.seen[-1].json()["cache_salt"] == "cloister:acme"


def test_a_model_must_be_named_by_the_token_and_by_the_declaration(estate: Estate) -> None:
    gateway = estate.gateway
    qwen = {"model": "qwen", "messages": MESSAGES}
    assert gateway.post(gateway.token("both", models=["llama"]), qwen).error == (403, "model_not_allowed")
    assert gateway.post(gateway.token("acme", models=["llama", "qwen"]), qwen).error == (403, "model_not_allowed")
    claims: list[Any] = [None, [], "llama", "qwen", {"qwen": True}]
    for claim in claims:
        assert gateway.post(gateway.token("both", models=claim), qwen).error == (403, "model_not_allowed")
    assert gateway.post(gateway.token("both", models=["qwen"]), qwen).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/jsonx", "application/json, text/plain", "multipart/form-data", None]
)
def test_another_content_type_is_refused(estate: Estate, kind: str | None) -> None:
    before = estate.reached()
    answer = estate.gateway.post(estate.gateway.token(), content_type=kind)
    assert answer.error == (415, "unsupported_media_type")
    assert estate.reached() == before


def test_a_charset_is_accepted(estate: Estate) -> None:
    assert estate.gateway.post(estate.gateway.token(), content_type='application/json; charset="UTF-8"').status == 200


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
def test_a_compressed_body_is_refused(estate: Estate, encoding: str) -> None:
    body = gzip.compress(b'{"model":"llama"}')
    before = estate.reached()
    answer = estate.gateway.post(estate.gateway.token(), body, headers=[("content-encoding", encoding)])
    assert answer.error in ((415, "unsupported_media_type"), (400, "invalid_json"))
    plain = estate.gateway.post(estate.gateway.token(), headers=[("content-encoding", encoding)])
    assert plain.error == (415, "unsupported_media_type")
    assert estate.reached() == before


def test_a_body_above_the_limit_is_refused(estate: Estate) -> None:
    body = b'{"model":"llama","x":"' + b"y" * (1 << 20) + b'"}'
    before = estate.reached()
    assert estate.gateway.post(estate.gateway.token(), body).error == (413, "body_too_large")
    chunked = [("transfer-encoding", "chunked"), ("content-type", "application/json")]
    chunked.append(("authorization", f"Bearer {estate.gateway.token()}"))
    data = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert estate.gateway.send(request("POST", CHAT, data, chunked)).error == (413, "body_too_large")
    assert estate.reached() == before


def test_a_chunked_upload_is_read_whole(estate: Estate) -> None:
    gateway = estate.gateway
    headers = [("transfer-encoding", "chunked"), ("content-type", "application/json")]
    headers.append(("authorization", f"Bearer {gateway.token()}"))
    with gateway.connect() as connection:
        connection.sendall(request("POST", CHAT, headers=headers))
        for part in (b'{"mod', b'el":"lla', b'ma","messages":[]}'):
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
            time.sleep(0.02)
        connection.sendall(b"0\r\n\r\n")
        assert read_answer(connection).status == 200
    assert estate.llama.seen[-1].json() == {"model": "llama", "messages": [], "cache_salt": "cloister:acme"}


NOT_OURS = [
    *("/invocations", "/metrics", "/health", "/healthz", "/ping", "/version", "/load", "/tokenize", "/detokenize"),
    *("/pause", "/sleep", "/wake_up", "/collective_rpc", "/update_weights", "/generative_scoring", "/score", "/rerank"),
    *("/v1/responses", "/v1/load_lora_adapter", "/v1/chat/completions/", "/v1/chat/completions/render"),
    *("/v1//chat/completions", "//v1/chat/completions", "/v1/./chat/completions", "/v1/x/../chat/completions"),
    *("/V1/chat/completions", "/v1/chat/completions?x=1", "/v1/chat/completions?", "/v1/chat/completions;x"),
    *(
        "/v1/chat/%63ompletions",
        "/v1/chat%2fcompletions",
        "/v1/%2e/chat/completions",
        "/%69nvocations",
        "/v1/chat\\completions",
    ),
    *("/slots", "/props", "/lora-adapters", "/", "/stats/prometheus", "/ready", "/config_dump", "*"),
    *("http://llama/v1/chat/completions", "/v1/chat/completions#x", "/v1/chat/completions%00"),
]


@pytest.mark.parametrize("path", NOT_OURS)
def test_any_other_spelling_of_a_path_reaches_no_engine(estate: Estate, path: str) -> None:
    before = estate.reached()
    for token in (estate.gateway.token(), None):
        assert estate.gateway.post(token, path=path).status in (400, 404)
    assert estate.gateway.get(path, estate.gateway.token()).status in (400, 404)
    assert estate.reached() == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "post"])
def test_another_method_reaches_no_engine(estate: Estate, method: str) -> None:
    before = estate.reached()
    fields = [("authorization", f"Bearer {estate.gateway.token()}"), ("content-type", "application/json")]
    with estate.gateway.connect() as connection:
        connection.sendall(request(method, CHAT, b'{"model":"llama"}', fields))
        first = connection.recv(65536)
    assert first[:12] in (b"HTTP/1.1 404", b"HTTP/1.1 400", b"HTTP/1.1 403")
    assert estate.gateway.send(request("POST", "/v1/models", b"", fields)).error == (404, "not_found")
    assert estate.reached() == before


def test_a_path_that_is_not_ours_is_answered_in_openais_form(estate: Estate) -> None:
    assert estate.gateway.get("/invocations").error == (404, "not_found")


def test_two_lengths_are_refused(estate: Estate) -> None:
    before = estate.reached()
    both = [("content-length", "17"), ("transfer-encoding", "chunked"), ("content-type", "application/json")]
    both.append(("authorization", f"Bearer {estate.gateway.token()}"))
    assert estate.gateway.send(request("POST", CHAT, b'{"model":"llama"}', both)).status == 400
    assert estate.reached() == before


def test_a_client_that_waits_for_permission_to_upload_gets_it(estate: Estate) -> None:
    body = b'{"model":"llama"}'
    fields = [("expect", "100-continue"), ("content-type", "application/json"), ("content-length", str(len(body)))]
    fields.append(("authorization", f"Bearer {estate.gateway.token()}"))
    with estate.gateway.connect() as connection:
        connection.sendall(request("POST", CHAT, headers=fields))
        assert read_answer(connection).status == 100
        connection.sendall(body)
        assert read_answer(connection).status == 200
    assert "expect" not in estate.llama.seen[-1].headers


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_a_connection_cannot_be_upgraded(estate: Estate, protocol: str) -> None:
    before = estate.reached()
    fields = [("connection", "upgrade"), ("upgrade", protocol), ("authorization", f"Bearer {estate.gateway.token()}")]
    assert estate.gateway.send(request("GET", CHAT, headers=fields)).status in (400, 403, 404)
    assert estate.gateway.send(request("GET", "/v1/models", headers=fields)).status in (200, 400, 403, 404)
    assert estate.reached() == before


def test_a_header_with_an_underscore_is_refused(estate: Estate) -> None:
    assert estate.gateway.post(estate.gateway.token(), headers=[("x_client_id", "other")]).status == 400


def test_a_stream_arrives_event_by_event(estate: Estate) -> None:
    body = {"model": "llama", "stream": True, "messages": MESSAGES, "metadata": {"chunks": 5, "seconds": 0.1}}
    fields = [("content-type", "application/json"), ("authorization", f"Bearer {estate.gateway.token()}")]
    arrivals: list[float] = []
    text = b""
    with estate.gateway.connect() as connection:
        connection.sendall(request("POST", CHAT, json.dumps(body).encode(), fields))
        while b"0\r\n\r\n" not in text:
            text += (part := connection.recv(65536))
            assert part
            if b"data:" in part:
                arrivals.append(time.monotonic())
    assert b"text/event-stream" in text
    # The engine takes 0.4 s from the first to the last; a gateway that collects would hand them over at once.
    assert len(arrivals) > 2
    assert arrivals[-1] - arrivals[0] > 0.25


def test_a_model_without_a_replica_is_said_to_be_loading(estate: Estate) -> None:
    answer = estate.gateway.post(estate.gateway.token("waiting"), {"model": "loading", "messages": MESSAGES})
    assert answer.error == (503, "model_loading")
    assert int(answer.headers["retry-after"]) > 0


def burst(estate: Estate, client: str, count: int, body: dict[str, Any]) -> list[Answer]:
    token = estate.gateway.token(client)
    return [estate.gateway.post(token, {"model": "llama", "messages": []} | body) for _ in range(count)]


def test_requests_above_the_limit_wait_for_the_clients_own_bucket(estate: Estate) -> None:
    answers = burst(estate, "narrow", 8, {})
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
    assert answers[-1].error == (429, "rate_limit_exceeded")
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert estate.gateway.post(estate.gateway.token()).status == 200


def test_tokens_are_reserved_when_a_request_arrives(estate: Estate) -> None:
    odd: list[Any] = [-5, 0, "many", None, [1], {}, 1e308]
    answers = burst(estate, "short", 3, {"max_tokens": 500, "n": 2})
    assert [answer.status for answer in answers] == [200, 429, 429]
    assert answers[-1].error == (429, "rate_limit_exceeded")
    # A value that cannot be read is charged as if none were given, never as nothing.
    assert {burst(estate, "short", 1, {"max_tokens": value})[0].status for value in odd} == {429}


def test_the_log_says_who_and_what_but_no_word_of_it(estate: Estate) -> None:
    gateway = estate.gateway
    token = gateway.token(jti="logged-id")
    secret = "canary-7f3a"
    body = {
        "model": "llama",
        "messages": [{"role": "user", "content": secret}],
        "metadata": {"chunks": 1, "seconds": 0},
    }
    answer = gateway.post(token, body, headers=[("user-agent", secret), ("cookie", secret)])
    refused = gateway.post(token, {"model": secret})
    lost = gateway.get(f"/{secret}?api_key={secret}", token)
    line = gateway.log(answer.headers["x-request-id"])
    assert (line["client"], line["jti"], line["route"], line["status"]) == ("acme", "logged-id", "llama", 200)
    for request_id in (refused.headers["x-request-id"], lost.headers["x-request-id"]):
        gateway.log(request_id)
    assert secret not in gateway.output()
    assert not any(part in gateway.output() for part in token.split("."))


def test_a_gateway_that_leaves_says_so_and_finishes_its_streams(estate: Estate) -> None:
    gateway = estate.gateway
    port = gateway.plan.metrics_port
    assert gateway.get("/ready", port=port).status == 200
    try:
        assert gateway.admin("POST", "/healthcheck/fail").status == 200
        eventually(lambda: gateway.get("/ready", port=port).status == 503)
        answer = gateway.post(gateway.token())
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    finally:
        gateway.admin("POST", "/healthcheck/ok")
    eventually(lambda: gateway.get("/ready", port=port).status == 200)


def test_only_the_owner_may_open_the_administration_socket(estate: Estate) -> None:
    from pathlib import Path

    assert Path(estate.gateway.plan.admin_socket).stat().st_mode & 0o777 == 0o600
