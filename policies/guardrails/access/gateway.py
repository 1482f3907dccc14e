"""The gateway's Envoy configuration: every call needs a token, and only exact paths lead to an engine."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..findings import Resource, items
from ..rules import Rule, rule

_ENVOY = "https://www.envoyproxy.io/docs/envoy/latest/configuration/"
_JWT = "JwtAuthentication"
HOLDERS = ("kubernetes:core/v1:ConfigMap", "docker:index/container:Container")


def envoy_documents(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The Envoy documents that a ConfigMap or a container's uploaded files hold, bootstrap or watched files."""
    if resource.type == HOLDERS[0]:
        data = resource.get("data") or {}
        texts = [(f"data.{key}", data[key]) for key in data]
    else:
        texts = [(f"uploads.{entry.get('file')}", entry.get("content")) for entry in items(resource.get("uploads"))]
    for path, text in texts:
        if isinstance(text, str) and ("static_resources" in text or "type.googleapis.com/envoy." in text):
            yield path, json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)


def typed(value: Any, kind: str) -> Iterator[Mapping[str, Any]]:
    """Every message of one Envoy type below a value."""
    if isinstance(value, Mapping):
        if str(value.get("@type", "")).endswith(f".{kind}"):
            yield value
        for child in value.values():
            yield from typed(child, kind)
    elif isinstance(value, list):
        for child in value:
            yield from typed(child, kind)


def routes(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every route that leads to a cluster, wherever its virtual host is."""
    if isinstance(value, Mapping):
        for host in items(value.get("virtual_hosts")):
            yield from (route for route in items(host.get("routes")) if "route" in route)
        for child in value.values():
            yield from routes(child)
    elif isinstance(value, list):
        for child in value:
            yield from routes(child)


def _serves_metrics_only(manager: Mapping[str, Any]) -> bool:
    paths = {str((route.get("match") or {}).get("path")) for route in routes(manager)}
    return bool(paths) and "rds" not in manager and paths <= {"/metrics", "/stats/prometheus", "/ready"}


@rule(
    *HOLDERS,
    fix="Put jwt_authn among the HTTP filters.",
    source=f"{_ENVOY}http/http_filters/jwt_authn_filter",
    severity="critical",
)
def access_gateway_asks_for_a_token(resource: Resource) -> Iterator[str]:
    """Every listener of the gateway but the metrics one checks a token before any engine is called."""
    for path, document in envoy_documents(resource):
        for manager in typed(document, "HttpConnectionManager"):
            guarded = "jwt_authn" in (filters := json.dumps(manager.get("http_filters"))) or _JWT in filters
            if not guarded and not _serves_metrics_only(manager):
                yield f"{path}: an HTTP listener has no jwt_authn filter"


@rule(
    *HOLDERS,
    fix="Require a provider for prefix /, with issuer, audiences, local keys and an expiry.",
    source=f"{_ENVOY}http/http_filters/jwt_authn_filter",
    severity="critical",
)
def access_gateway_tokens_are_checked(resource: Resource) -> Iterator[str]:
    """A token is required on every path, and its issuer, audience, signature and expiry are checked with local keys."""
    for path, document in envoy_documents(resource):
        for checker in typed(document, _JWT):
            entries = list(items(checker.get("rules")))
            if not any((entry.get("match") or {}).get("prefix") == "/" for entry in entries):
                yield f"{path}: no rule covers every path"
            if any(not entry.get("requires") and not entry.get("requirement_name") for entry in entries):
                yield f"{path}: a rule requires nothing"
            if "allow_missing" in json.dumps(checker):
                yield f"{path}: a missing or failed token is let through"
            for name, provider in (checker.get("providers") or {}).items():
                lacking = [key for key in ("issuer", "audiences", "local_jwks") if not provider.get(key)]
                if lacking or provider.get("remote_jwks"):
                    yield f"{path}: provider {name} lacks {', '.join(lacking) or 'local keys only'}"
                if provider.get("require_expiration") is not True:
                    yield f"{path}: provider {name} accepts tokens without an expiry"
        for exception in typed(document, "PerRouteConfig"):
            if exception.get("disabled"):
                yield f"{path}: a route turns a check off"


@rule(*HOLDERS, fix="Match routes by `path`, exactly.", source=f"{_ENVOY}best_practices/edge", severity="critical")
def access_gateway_routes_are_exact(resource: Resource) -> Iterator[str]:
    """The gateway passes exact paths only: engines serve more than their API."""
    for path, document in envoy_documents(resource):
        for route in routes(document):
            match = route.get("match") or {}
            if "path" not in match:
                yield f"{path}: a route matches by {', '.join(sorted(match)) or 'nothing'}"


RULES: tuple[Rule, ...] = (
    access_gateway_asks_for_a_token,
    access_gateway_tokens_are_checked,
    access_gateway_routes_are_exact,
)
