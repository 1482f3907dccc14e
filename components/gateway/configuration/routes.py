"""Which paths exist: exact ones, each with one method; everything else is a 404 that no filter looks at."""

import json
from collections.abc import Sequence
from typing import Any, Final

from components.gateway.configuration.clusters import model_cluster_name
from components.gateway.configuration.envoy import (
    AFFINITY_HEADER,
    BODY_METADATA,
    CLIENT_HEADER,
    COST_HEADER,
    JTI_HEADER,
    Document,
    header_is,
    metadata_is,
    resources,
    typed,
)
from components.gateway.configuration.models import MODELS_PATH, allowed_models
from components.gateway.configuration.plan import GatewayPlan

INFERENCE_PATHS: Final = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
LONGEST_STREAM_SECONDS: Final = 3600
"""A stream ends here at the latest, also one whose token was revoked while it ran."""
BODY_FILTERS: Final = ("scanner", "body", "token_limit")
OFF: Final = typed("envoy.config.route.v3.FilterConfig", {"disabled": True})
AFFINITY_KEY: Final = "cloister.affinity"
INTERNAL_HEADERS: Final = (
    *(JTI_HEADER, COST_HEADER, AFFINITY_HEADER),
    *("x-forwarded-proto", "x-envoy-internal", "x-envoy-external-address"),
)


def exact(path: str, method: str, headers: Sequence[Document] = ()) -> Document:
    """One path with one method; the whole `:path` is compared, so a query string does not match either."""
    return {"path": path, "headers": [header_is(":method", method), header_is(":path", path), *headers]}


def _to_model(plan: GatewayPlan, path: str, model: str) -> Document:
    match = exact(path, "POST") | {"dynamic_metadata": [metadata_is(BODY_METADATA, ["model"], model)]}
    action = {
        "cluster": model_cluster_name(model),
        # The engine never sees a host name that a client chose.
        "host_rewrite_literal": model,
        "timeout": "0s",
        "idle_timeout": f"{plan.gateway.idle_seconds}s",
        "max_stream_duration": {"max_stream_duration": f"{LONGEST_STREAM_SECONDS}s"},
        "hash_policy": [{"filter_state": {"key": AFFINITY_KEY}}],
        # Nothing is sent twice once an engine has it: a request that kills one replica must not visit the next.
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset-before-request",
            "num_retries": 2,
            "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
        },
    }
    return {"name": model, "match": match, "route": action, "request_headers_to_remove": list(INTERNAL_HEADERS)}


def _models(plan: GatewayPlan, client: str | None) -> Document:
    names = allowed_models(plan, client) if client else ()
    entries = [{"id": name, "object": "model", "created": 0, "owned_by": "cloister"} for name in names]
    body = json.dumps({"object": "list", "data": entries}, separators=(",", ":"))
    json_type = {"header": {"key": "content-type", "value": "application/json"}}
    return {
        "name": "models",
        "match": exact(MODELS_PATH, "GET", [header_is(CLIENT_HEADER, client)] if client else []),
        "direct_response": {"status": 200, "body": {"inline_string": body}},
        "response_headers_to_add": [{**json_type, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
        # Without a body there is no cost; the limit refuses a request whose cost it cannot read.
        "typed_per_filter_config": dict.fromkeys(BODY_FILTERS, OFF),
    }


def routes(plan: GatewayPlan, filters: Sequence[str]) -> list[Document]:
    """All routes, in the order in which Envoy tries them.

    Args:
        plan: what is served, for whom.
        filters: names of the filters that the last route, for everything that is not ours, switches off.
    """
    found: list[Document] = []
    for path in INFERENCE_PATHS:
        found += [_to_model(plan, path, model) for model in plan.upstreams]
        # Taken until the body is read; the body's filters answer what stays here.
        found.append({"name": "no-model", "match": exact(path, "POST"), "direct_response": {"status": 404}})
    found += [_models(plan, client) for client in plan.clients]
    found.append(_models(plan, None))
    nothing: dict[str, Any] = {"name": "not-found", "match": {"prefix": "/"}, "direct_response": {"status": 404}}
    return [*found, nothing | {"typed_per_filter_config": dict.fromkeys(filters, OFF)}]


def routes_file(plan: GatewayPlan, filters: Sequence[str]) -> str:
    """Text of the watched file of routes."""
    host = {"name": "api", "domains": ["*"], "routes": routes(plan, filters)}
    fields = {"name": "api", "virtual_hosts": [host], "max_direct_response_body_size_bytes": 65536}
    return resources([typed("envoy.config.route.v3.RouteConfiguration", fields)])
