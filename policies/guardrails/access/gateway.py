"""The gateway's Envoy configuration: every route asks for a token, and only exact paths lead to an engine."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..findings import Resource, items
from ..rules import Rule, rule

_SOURCE = "https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter"
_CONNECTION_MANAGER = "HttpConnectionManager"
_JWT = "envoy.filters.http.jwt_authn"
HOLDERS = ("kubernetes:core/v1:ConfigMap", "docker:index/container:Container")


def envoy_documents(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The Envoy configurations that a ConfigMap or a container's uploaded files hold."""
    if resource.type == HOLDERS[0]:
        data = resource.get("data") or {}
        texts = [(f"data.{key}", data[key]) for key in data]
    else:
        texts = [(f"uploads.{entry.get('file')}", entry.get("content")) for entry in items(resource.get("uploads"))]
    for path, text in texts:
        if isinstance(text, str) and ("static_resources" in text or _CONNECTION_MANAGER in text):
            yield path, json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)


def connection_managers(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every HTTP connection manager below a value."""
    if isinstance(value, Mapping):
        if str(value.get("@type", "")).endswith(_CONNECTION_MANAGER):
            yield value
        for child in value.values():
            yield from connection_managers(child)
    elif isinstance(value, list):
        for child in value:
            yield from connection_managers(child)


def engine_routes(manager: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The routes of a connection manager that lead to a cluster."""
    configuration = manager.get("route_config") or {}
    for host in configuration.get("virtual_hosts") or []:
        yield from (route for route in host.get("routes") or [] if "route" in route)


def is_metrics_only(manager: Mapping[str, Any]) -> bool:
    """Whether a connection manager serves metrics: GETs of exact paths to the gateway's own admin interface."""
    routes = list(engine_routes(manager))
    paths = {str((route.get("match") or {}).get("path")) for route in routes}
    return bool(routes) and paths <= {"/metrics", "/stats/prometheus", "/ready"}


@rule(*HOLDERS, fix="Put jwt_authn first among the HTTP filters, with a rule for every path.", source=_SOURCE, severity="critical")
def access_gateway_asks_for_a_token(resource: Resource) -> Iterator[str]:
    """The gateway checks a token before any engine is called."""
    for path, document in envoy_documents(resource):
        for manager in connection_managers(document):
            if not list(engine_routes(manager)) and "rds" not in manager or is_metrics_only(manager):
                continue
            filters = [str(entry.get("name")) for entry in manager.get("http_filters") or []]
            kinds = json.dumps(manager.get("http_filters") or [])
            if _JWT not in filters and "JwtAuthentication" not in kinds:
                yield f"{path}: an HTTP listener has no jwt_authn filter"


@rule(*HOLDERS, fix="Match routes by `path`, exactly.", source="https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge", severity="critical")
def access_gateway_routes_are_exact(resource: Resource) -> Iterator[str]:
    """The gateway passes exact paths only: engines serve more than their API."""
    for path, document in envoy_documents(resource):
        for manager in connection_managers(document):
            for route in engine_routes(manager):
                match = route.get("match") or {}
                if "path" not in match:
                    yield f"{path}: a route matches by {', '.join(sorted(match)) or 'nothing'}"


@rule("kubernetes:core/v1:ConfigMap", fix="Admit callers by a token or deny them.", source="https://docs.haproxy.com/", severity="critical")
def access_proxy_denies_strangers(config: Resource) -> Iterator[str]:
    """A HAProxy front end denies callers without a known token and paths that are not listed."""
    data = config.get("data") or {}
    for key in data:
        text = str(data[key])
        if "\nfrontend " not in f"\n{text}":
            continue
        if "deny_status 401" not in text:
            yield f"data.{key}: no rule denies callers without a token"
        if "path -m str" not in text:
            yield f"data.{key}: paths are not matched exactly"


RULES: tuple[Rule, ...] = (
    access_gateway_asks_for_a_token,
    access_gateway_routes_are_exact,
    access_proxy_denies_strangers,
)
