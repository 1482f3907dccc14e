import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.gateway.configuration import (
    GatewayPlan,
    SigningKey,
    Tls,
    Upstream,
    arguments,
    bootstrap,
    dynamic_files,
    inlined,
    revocation_file,
)
from components.gateway.configuration.body import KEPT_HEADERS, RESERVED_MEMBERS, scanner_source
from components.gateway.configuration.clusters import model_cluster
from components.gateway.configuration.keys import json_web_key, json_web_key_set
from components.gateway.configuration.limits import request_limit, token_bucket, token_limit
from components.gateway.configuration.listener import http_filters
from components.gateway.configuration.logs import FIELDS
from components.gateway.configuration.models import allowed_models
from components.gateway.configuration.replies import REPLIES
from components.gateway.configuration.routes import BODY_FILTERS, INFERENCE_PATHS, routes
from tests.gateway.harness import CLIENTS, client, plan_of
from tests.operations.local_key import LocalKey


@pytest.fixture(scope="module")
def plan() -> GatewayPlan:
    engine = Upstream(addresses=(("llama-engine.inference.svc.cluster.local", 8000),))
    return plan_of(LocalKey(), {"llama": engine, "qwen": engine})


def values(document: Any, key: str) -> Iterator[Any]:
    """Everything below a key, wherever it is in a document."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(document, list):
        for item in document:
            yield from values(item, key)


def filter_names(plan: GatewayPlan) -> list[str]:
    return [found["name"] for found in http_filters(plan)]


def public_key(key: Any) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def test_who_asks_is_known_before_anything_is_counted_or_read(plan: GatewayPlan) -> None:
    assert filter_names(plan) == [
        *("body_size", "token", "client", "revocation", "request_limit"),
        *("scanner", "body", "model", "token_limit", "affinity", "router"),
    ]


def test_a_document_is_the_same_each_time(plan: GatewayPlan) -> None:
    assert json.dumps(bootstrap(plan)) == json.dumps(bootstrap(plan))
    assert dynamic_files(plan) == dynamic_files(plan)


def test_clients_keys_limits_and_models_are_not_in_the_bootstrap(plan: GatewayPlan) -> None:
    changed = replace(plan, clients={"new": client()}, upstreams={}, signing_keys=(LocalKey("key-2").public(),))
    assert bootstrap(changed) == bootstrap(plan)
    assert dynamic_files(changed).keys() == dynamic_files(plan).keys()


def test_a_deployment_never_writes_the_list_of_revocations(plan: GatewayPlan) -> None:
    assert "revocation.json" not in dynamic_files(plan)
    sources = {source["path"] for source in values(bootstrap(plan), "path_config_source")}
    watched = {path.rsplit("/", 1)[1] for path in sources if not path.startswith(plan.revocation_folder)}
    assert watched == set(dynamic_files(plan))
    assert sources - {f"{plan.configuration_folder}/{name}" for name in watched} == {
        "/etc/envoy/revocation/revocation.json"
    }


def test_file_names_are_good_keys_of_a_config_map(plan: GatewayPlan) -> None:
    for name, text in dynamic_files(replace(plan, tls=Tls(folder="/tls"))).items():
        assert name.removesuffix(".json").replace("_", "").isalpha()
        json.loads(text)


def test_the_key_set_is_what_a_jwt_library_would_make_of_the_kms_key() -> None:
    private = ec.derive_private_key(7, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    key = json_web_key(SigningKey(kid="key-1", public_key=public_key(private)))
    decoded = {name: int.from_bytes(base64.urlsafe_b64decode(key[name] + "="), "big") for name in ("x", "y")}
    assert decoded == {"x": numbers.x, "y": numbers.y}
    assert (key["kty"], key["crv"], key["alg"], key["kid"]) == ("EC", "P-256", "ES256", "key-1")
    assert len(key["x"]) == len(key["y"]) == 43


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (public_key(ec.generate_private_key(ec.SECP384R1())), "not a P-256 public key"),
        (public_key(rsa.generate_private_key(65537, 2048)), "not a P-256 public key"),
        (public_key(ec.generate_private_key(ec.SECP256R1()))[:-8], "not a P-256 public key"),
        ("not base64!", "not base64"),
        ("", "not a P-256 public key"),
    ],
)
def test_another_kind_of_key_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        json_web_key(SigningKey(kid="key-1", public_key=text))


def test_no_key_and_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one signing key"):
        json_web_key_set([])
    with pytest.raises(ValueError, match="two signing keys have one name"):
        json_web_key_set([LocalKey("a").public(), LocalKey("a").public()])


def test_the_key_set_is_inline_so_the_gateway_fetches_nothing(plan: GatewayPlan) -> None:
    document = json.loads(dynamic_files(plan)["token.json"])
    assert not list(values(document, "remote_jwks"))
    (keys,) = values(document, "local_jwks")
    assert json.loads(keys["inline_string"])["keys"][0]["kid"] == "key-1"


def test_every_token_must_have_an_end_an_issuer_and_an_audience(plan: GatewayPlan) -> None:
    document = json.loads(dynamic_files(plan)["token.json"])
    (provider,) = next(values(document, "providers")).values()
    assert provider["issuer"] == plan.gateway.issuer
    assert provider["audiences"] == [plan.gateway.audience]
    assert provider["require_expiration"] is True
    assert provider["forward"] is False
    assert provider["max_lifetime"] == f"{24 * 3600 + 60}s"
    (rule,) = next(values(document, "rules"))
    assert rule["match"] == {"prefix": "/"}
    assert "allow_missing" not in json.dumps(rule)


def test_a_model_that_is_not_served_is_not_allowed_to_anybody(plan: GatewayPlan) -> None:
    assert allowed_models(plan, "both") == ("llama", "qwen")
    assert allowed_models(plan, "waiting") == ()
    policies = next(values(json.loads(dynamic_files(plan)["model.json"]), "policies"))
    assert set(policies) == {"list_models", "use_llama", "use_qwen"}


def test_the_model_filter_allows_by_name_and_refuses_the_rest(plan: GatewayPlan) -> None:
    rules = next(values(json.loads(dynamic_files(plan)["model.json"]), "rules"))
    assert rules["action"] == "ALLOW"


@pytest.mark.parametrize("per_minute", [1, 5, 59, 60, 119, 600, 601, 1000, 60_000, 900_000_000])
def test_a_bucket_is_filled_at_the_rate_that_the_tier_names(per_minute: int) -> None:
    bucket = token_bucket(per_minute)
    seconds = float(bucket["fill_interval"].removesuffix("s"))
    assert bucket["max_tokens"] == per_minute
    assert bucket["tokens_per_fill"] * 60 / seconds == pytest.approx(per_minute, rel=1e-6)
    assert seconds >= 0.05


def test_each_client_has_a_bucket_of_its_declared_tier(plan: GatewayPlan) -> None:
    for limit, field in ((request_limit(plan), "requests_per_minute"), (token_limit(plan), "tokens_per_minute")):
        found = {entry["entries"][0]["value"]: entry["token_bucket"]["max_tokens"] for entry in limit["descriptors"]}
        assert found == {name: getattr(plan.tiers[CLIENTS[name].tier], field) for name in CLIENTS}
        assert limit["token_bucket"]["max_tokens"] == 1


def test_the_last_route_answers_404_and_every_other_names_a_path_and_a_method(plan: GatewayPlan) -> None:
    *ours, last = routes(plan, ["token"])
    assert last["match"] == {"prefix": "/"}
    assert last["direct_response"] == {"status": 404}
    for route in ours:
        fields = {header["name"]: header["string_match"]["exact"] for header in route["match"]["headers"]}
        assert fields[":path"] == route["match"]["path"]
        assert fields[":method"] == ("GET" if route["match"]["path"] == "/v1/models" else "POST")
        assert route["match"]["path"] in (*INFERENCE_PATHS, "/v1/models")


def test_no_route_to_an_engine_switches_a_filter_off(plan: GatewayPlan) -> None:
    for route in routes(plan, filter_names(plan)):
        if "route" in route:
            assert "typed_per_filter_config" not in route
    assert not {"token", "client", "revocation", "request_limit", "model"} & set(BODY_FILTERS)


def test_nothing_is_sent_to_a_second_replica_once_the_first_has_it(plan: GatewayPlan) -> None:
    policies = list(values(routes(plan, []), "retry_on"))
    assert set(policies) == {"connect-failure,refused-stream,reset-before-request"}


def test_a_name_is_asked_for_all_its_addresses_and_an_address_is_used_as_it_is() -> None:
    name = model_cluster("llama", Upstream(addresses=(("llama.engine.cloister.internal", 8000),)))
    assert name["cluster_type"]["name"] == "envoy.cluster.dns"
    assert name["cluster_type"]["typed_config"]["all_addresses_in_single_endpoint"] is False
    static = model_cluster("llama", Upstream(addresses=(("10.0.0.1", 8000), ("10.0.0.2", 8000)), resolution="static"))
    assert static["type"] == "STATIC"
    assert len(static["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 2


def test_the_administration_interface_has_no_port(plan: GatewayPlan) -> None:
    document = bootstrap(plan)
    assert document["admin"]["address"] == {"pipe": {"path": plan.admin_socket, "mode": 0o600}}
    ports = {address["port_value"] for address in values(document["static_resources"]["listeners"], "socket_address")}
    assert ports == {plan.listen_port, plan.metrics_port}


def test_slow_requests_and_large_ones_have_an_end(plan: GatewayPlan) -> None:
    (public, _) = bootstrap(plan)["static_resources"]["listeners"]
    manager = public["filter_chains"][0]["filters"][0]["typed_config"]
    times = ("request_headers_timeout", "request_timeout", "stream_idle_timeout")
    assert [manager[name] for name in times] == ["10s", "120s", "10s"]
    assert manager["common_http_protocol_options"]["idle_timeout"] == "75s"
    assert next(values(public, "max_request_bytes")) == 1 << 20
    assert public["per_connection_buffer_limit_bytes"] > 1 << 20


def test_a_silent_connection_gives_a_sign_of_life_long_before_a_load_balancer_forgets_it(plan: GatewayPlan) -> None:
    (public, _) = bootstrap(plan)["static_resources"]["listeners"]
    given = {(option["level"], option["name"]): option["int_value"] for option in public["socket_options"]}
    assert given == {
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 60,
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 20,
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 3,
    }


def test_the_log_has_no_field_that_a_caller_chooses() -> None:
    chosen = ("%REQ(", "%RESP(", "%PATH", "authorization", "cloister.body:model")
    assert not [name for name, value in FIELDS.items() if any(part in value for part in chosen)]


def test_every_reply_is_in_openais_form_and_has_its_own_condition() -> None:
    kinds = {"authentication_error", "permission_error", "invalid_request_error", "rate_limit_error", "server_error"}
    assert {reply.type for reply in REPLIES} == kinds
    conditions = [(reply.when, reply.of_status, reply.flag) for reply in REPLIES]
    assert len(set(conditions)) == len(conditions)
    assert conditions[-1] == (None, None, None)


def test_the_scanner_knows_what_is_reserved_and_which_headers_stay() -> None:
    source = scanner_source()
    assert all(f'["{name}"] = true' in source for name in (*RESERVED_MEMBERS, *KEPT_HEADERS))
    assert "authorization" not in KEPT_HEADERS


def test_the_revocation_file_is_sorted_and_holds_each_id_once() -> None:
    assert revocation_file(["b", "a", "b"], ["y", "x"]) == revocation_file(["a", "b"], ["x", "y"])
    assert json.loads(revocation_file((), ()))["resources"][0]["name"] == "revocation"


def test_four_thousand_revoked_ids_fit_into_a_config_map() -> None:
    assert len(revocation_file([f"{number:036d}" for number in range(4000)], ())) < 1_000_000


def test_the_whole_document_has_no_watched_file_left(plan: GatewayPlan) -> None:
    whole = inlined(replace(plan, tls=Tls(folder="/tls")))
    assert not list(values(whole, "path_config_source"))
    assert not list(values(whole, "config_discovery"))
    names = [cluster["name"] for cluster in whole["static_resources"]["clusters"]]
    assert names == ["admin", "model-llama", "model-qwen"]


def test_envoy_refuses_watched_fields_that_it_does_not_know() -> None:
    assert "--reject-unknown-dynamic-fields" in arguments("/etc/envoy/envoy.json")


def test_headers_with_our_names_are_removed_before_anything_looks_at_them(plan: GatewayPlan) -> None:
    (public, _) = bootstrap(plan)["static_resources"]["listeners"]
    (early,) = next(values(public, "early_header_mutation_extensions"))
    assert early["typed_config"]["mutations"] == [{"remove_on_match": {"key_matcher": {"prefix": "x-"}}}]
