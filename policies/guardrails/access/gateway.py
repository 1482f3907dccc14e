"""The gateway's configuration: every call needs a token, exact paths lead to engines, nothing leads elsewhere."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml

from ..addresses import is_private_host
from ..findings import Resource, at, items
from ..pods import listed
from ..rules import Rule, rule

_ENVOY: Final = "https://www.envoyproxy.io/docs/envoy/latest/configuration/"
HOLDERS: Final = ("kubernetes:core/v1:ConfigMap", "docker:index/container:Container")
_JWT: Final = "JwtAuthentication"
# Every message that the gateway needs. What calls other servers, runs programs or copies traffic is not here: ext_proc,
# ext_authz, tap, wasm, tcp_proxy, dynamic forward proxies, gRPC and HTTP loggers, tracers, remote rate limits, …
_MESSAGES: Final = listed(
    "envoy.admin.v3.Admin envoy.config.bootstrap.v3.Bootstrap envoy.config.cluster.v3.Cluster "
    "envoy.config.core.v3.TypedExtensionConfig envoy.config.endpoint.v3.ClusterLoadAssignment "
    "envoy.config.listener.v3.Listener envoy.config.rbac.v3.Action envoy.config.route.v3.FilterConfig "
    "envoy.config.route.v3.RouteConfiguration envoy.extensions.access_loggers.file.v3.FileAccessLog "
    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter envoy.extensions.access_loggers.stats.v3.Config "
    "envoy.extensions.access_loggers.stream.v3.StderrAccessLog "
    "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog "
    "envoy.extensions.clusters.dns.v3.DnsCluster envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit "
    "envoy.extensions.filters.http.buffer.v3.Buffer envoy.extensions.filters.http.health_check.v3.HealthCheck "
    "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata "
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication "
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit envoy.extensions.filters.http.lua.v3.Lua "
    "envoy.extensions.filters.http.rbac.v3.RBAC envoy.extensions.filters.http.router.v3.Router "
    "envoy.extensions.filters.http.set_filter_state.v3.Config "
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager "
    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation "
    "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest "
    "envoy.extensions.load_balancing_policies.maglev.v3.Maglev "
    "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin "
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig "
    "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig "
    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext "
    "envoy.extensions.transport_sockets.tls.v3.Secret "
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext "
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
)
_BOOTSTRAP: Final = listed("node admin static_resources dynamic_resources overload_manager")
# Keys below which Envoy would fetch its configuration, keys or decisions from a server.
_REMOTE: Final = listed(
    "ads ads_config api_config_source envoy_grpc google_grpc grpc_service grpc_services http_service http_uri "
    "remote_data remote_jwks"
)
_ROUTE_ACTION: Final = listed(
    "auto_host_rewrite cluster flush_timeout hash_policy host_rewrite_literal idle_timeout max_stream_duration "
    "metadata_match priority rate_limits retry_policy timeout"
)
_ROUTE: Final = listed(
    "decorator direct_response match metadata name request_headers_to_add request_headers_to_remove "
    "response_headers_to_add response_headers_to_remove route stat_prefix typed_per_filter_config"
)
# What the engines' OpenAI-style interface is; the rest of their paths run, stop, reconfigure or describe the engine.
API_PATHS: Final = listed(
    "/v1/chat/completions /v1/completions /v1/embeddings /v1/messages /v1/models /v1/rerank /v1/responses /v1/score"
)
_METRICS_PATHS: Final = listed("/metrics /ready /stats/prometheus")
_REQUIREMENTS: Final = listed("provider_and_audiences provider_name requires_all requires_any")
_CALLS: Final = re.compile(
    r"httpCall|\b(os|io|package|debug|ffi)\s*[.\[]|\b(loadstring|dofile|loadfile)\b"
    r"|\brequire\b(?!\s*\(?\s*[\"']bit[\"'])"
)
_TOP: Final = listed("static_resources dynamic_resources filter_chains virtual_hosts http_filters")
_YAML: Final = re.compile(
    r"static_?resources|dynamic_?resources|googleapis|filter_?chains|virtual_?hosts|http_?filters|\\[xuU]",
    re.IGNORECASE,
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A document has thousands of mappings; only those with one of these fields are looked at more closely.
_ROUTING: Final = listed("clusters scoped_rds scoped_routes upgrade_configs vhds virtual_hosts")
_JUDGED: Final = _REMOTE | listed(
    "@type default_filter_chain default_source_code filter_chains inline_code listener_filters source_codes type "
    "type_urls udp_listener_config use_original_dst"
)
_SCANNERS: Final = ("Lua", "JsonToMetadata")


def files(resource: Resource) -> Iterator[tuple[str, str]]:
    """The text files that a ConfigMap or a container's uploads hold, with their path."""
    if resource.type == HOLDERS[0]:
        data, binary = resource.get("data") or {}, resource.get("binaryData") or {}
        texts = [(f"data.{key}", data[key]) for key in data]
        texts += [(f"binaryData.{key}", _plain(binary[key])) for key in binary]
    else:
        texts = []
        for entry in items(resource.get("uploads")):
            content = entry.get("content")
            texts.append((f"uploads.{entry.get('file')}", content or _plain(entry.get("contentBase64") or "")))
    return ((path, text) for path, text in texts if isinstance(text, str))


def _plain(value: Any) -> str:
    return base64.b64decode(str(value)).decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Document:
    """One Envoy document with its fields in one spelling, and every mapping inside it."""

    root: Any
    nodes: tuple[Mapping[str, Any], ...]


def envoy_documents(resource: Resource) -> Iterator[tuple[str, Document]]:
    """The Envoy documents among the files, bootstrap or watched files.

    Raises:
        ValueError: when one of them cannot be read, or says a thing twice.
    """
    for path, text in files(resource):
        document = _document(text)
        if document is not None:
            yield path, document


@lru_cache(maxsize=32)
def _document(text: str) -> Document | None:
    """The Envoy document that a text is; None for any other text."""
    if text.lstrip().startswith("{"):
        try:
            loaded = json.loads(text, object_pairs_hook=_once)
        except json.JSONDecodeError:
            return None  # Envoy does not read it either
    elif _YAML.search(text) and not text.lstrip().startswith(("global", "#")):
        loaded = yaml.load(text, _Loader)
    else:
        return None
    plain = snake(loaded)
    found = tuple(nodes(plain))
    return Document(plain, found) if any("@type" in node or node.keys() & _TOP for node in found) else None


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A mapping, refused when a key is there twice: Envoy and this reader could each take another one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


class _Loader(yaml.SafeLoader):
    """YAML without doubled keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys differ."""
        self.flatten_mapping(node)
        return _once(
            [(self.construct_object(k, deep=True), self.construct_object(v, deep=True)) for k, v in node.value]
        )


def snake(value: Any) -> Any:
    """A document with its fields as protobuf spells them: Envoy reads `httpFilters` and `http_filters` alike."""
    if isinstance(value, Mapping):
        return {
            _HUMP.sub("_", str(key)).lower() if key != "@type" else key: snake(child) for key, child in value.items()
        }
    return [snake(child) for child in value] if isinstance(value, list) else value


def nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping inside a document, which is plain data."""
    if isinstance(value, dict):
        yield value
    elif not isinstance(value, list):
        return
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, (dict, list)):
            yield from nodes(child)


def typed(document: Document, kind: str) -> Iterator[Mapping[str, Any]]:
    """Every message of one Envoy type in a document."""
    return (node for node in document.nodes if str(node.get("@type", "")).endswith(f".{kind}"))


def routes(found: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every route of every virtual host among some mappings."""
    for node in found:
        for host in items(node.get("virtual_hosts")):
            yield from items(host.get("routes"))


def kind_of(entry: Mapping[str, Any]) -> str:
    """The message of an HTTP filter, given in place or by a watched file; "" for one that says neither."""
    given = at(entry, "typed_config.@type") or at(entry, "typed_config")
    if isinstance(given, Mapping):
        given = given.get("@type")
    found = given or next(iter(items(at(entry, "config_discovery.type_urls"))), "")
    return str(found).rpartition(".")[2]


def _serves_metrics_only(manager: Mapping[str, Any]) -> bool:
    """Whether a listener shows nothing but the numbers and the readiness of the gateway itself."""
    found = [*routes(nodes(manager))]
    paths = {str(at(route, "match.path")) for route in found}
    clusters = {at(route, "route.cluster") for route in found}
    return bool(found) and "rds" not in manager and paths <= _METRICS_PATHS and clusters == {"admin"}


@rule(
    *HOLDERS,
    fix="Put jwt_authn among the HTTP filters, before the router, and let nothing switch it off.",
    source=f"{_ENVOY}http/http_filters/jwt_authn_filter",
    severity="critical",
)
def access_gateway_asks_for_a_token(resource: Resource) -> Iterator[str]:
    """Every listener of the gateway but the metrics one checks a token before any engine is called."""
    for path, document in envoy_documents(resource):
        for manager in typed(document, "HttpConnectionManager"):
            if _serves_metrics_only(manager):
                continue
            filters = [*items(manager.get("http_filters"))]
            kinds = [kind_of(entry) for entry in filters]
            if _JWT not in kinds:
                yield f"{path}: an HTTP listener has no jwt_authn filter"
                continue
            place = kinds.index(_JWT)
            if kinds[-1:] != ["Router"] or kinds.count("Router") != 1:
                yield f"{path}: the router is not the last filter, or not the only one"
            if any(kind in ("HealthCheck", "Router", *_SCANNERS) for kind in kinds[:place]):
                yield f"{path}: a filter answers or reads a request before its token is checked"
            for key in ("disabled", "is_optional"):
                if filters[place].get(key):
                    yield f"{path}: the jwt_authn filter is {key}"
            if at(filters[place], "config_discovery.apply_default_config_without_warming"):
                yield f"{path}: the jwt_authn filter starts without its file"
            after = kinds[place + 1 :]
            if "RBAC" not in after or not set(after) & set(_SCANNERS):
                yield f"{path}: no filter reads the body's model and checks it against the token"


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
            entries = [*items(checker.get("rules"))]
            providers = checker.get("providers") or {}
            named = checker.get("requirement_map") or {}
            if not any(entry.get("match") == {"prefix": "/"} for entry in entries):
                yield f"{path}: no rule covers every path"
            for entry in entries:
                requirement = entry.get("requires") or named.get(entry.get("requirement_name"))
                if not _requires(requirement, providers):
                    yield f"{path}: a rule requires no token of a provider that is given"
            for key in ("bypass_cors_preflight", "filter_state_rules"):
                if checker.get(key):
                    yield f"{path}: {key} is set"
            for name, provider in providers.items():
                lacking = [key for key in ("issuer", "audiences", "local_jwks") if not provider.get(key)]
                if lacking or provider.get("remote_jwks"):
                    yield f"{path}: provider {name} lacks {', '.join(lacking) or 'local keys only'}"
                if provider.get("require_expiration") is not True:
                    yield f"{path}: provider {name} accepts tokens without an expiry"
                for key in ("from_params", "from_cookies"):
                    if provider.get(key):
                        yield f"{path}: provider {name} takes tokens by {key}"


def _requires(requirement: Any, providers: Mapping[str, Any]) -> bool:
    """Whether a requirement is met by a verified token alone."""
    if not isinstance(requirement, Mapping) or len(requirement) != 1 or not requirement.keys() <= _REQUIREMENTS:
        return False
    ((key, value),) = requirement.items()
    if key in ("requires_any", "requires_all"):
        inner = [*items(value.get("requirements"))]
        return bool(inner) and all(_requires(one, providers) for one in inner)
    name = value if key == "provider_name" else value.get("provider_name")
    # Keys are in protobuf's spelling by now, values as they were written.
    return any(spelt in providers for spelt in snake({str(name): None}))


@rule(
    *HOLDERS,
    fix="Match routes by `path`, exactly, with a path of the API; a route names a cluster and no more.",
    source=f"{_ENVOY}best_practices/edge",
    severity="critical",
)
def access_gateway_routes_are_exact(resource: Resource) -> Iterator[str]:
    """The gateway passes exact paths of the API only, unchanged and with every check: engines serve more than that."""
    for path, document in envoy_documents(resource):
        for route in routes(document.nodes):
            unknown = sorted(route.keys() - _ROUTE)
            if unknown:
                yield f"{path}: a route has {', '.join(unknown)}"
            if "route" not in route:
                continue
            match, action = route.get("match") or {}, route["route"] or {}
            allowed = _METRICS_PATHS if action.get("cluster") == "admin" else API_PATHS
            if match.get("path") not in allowed or match.keys() & {"prefix", "safe_regex", "path_separated_prefix"}:
                how = ", ".join(sorted(match)) or "nothing"
                yield f"{path}: a route matches by {how}, {match.get('path')!r}"
            more = sorted(action.keys() - _ROUTE_ACTION)
            if more:
                yield f"{path}: a route has {', '.join(more)}"
            if not action.get("cluster"):
                yield f"{path}: a route does not name its cluster"
            if route.get("typed_per_filter_config"):
                yield f"{path}: a route changes a check"
        for node in document.nodes:
            if not node.keys() & _ROUTING:
                continue
            inner = [*items(node.get("virtual_hosts")), *items(node.get("clusters"))]
            if any("typed_per_filter_config" in one for one in inner if isinstance(one, Mapping)):
                yield f"{path}: a virtual host changes a check"
            if "virtual_hosts" in node and "typed_per_filter_config" in node:
                yield f"{path}: a route configuration changes a check"
            if node.keys() & {"scoped_routes", "upgrade_configs", "scoped_rds", "vhds"}:
                yield f"{path}: an HTTP listener has scoped routes or upgrades"


@rule(
    *HOLDERS,
    fix="Let RBAC rules name who may do what; what they do not name is denied.",
    source=f"{_ENVOY}http/http_filters/rbac_filter",
    severity="critical",
)
def access_gateway_authorises_by_name(resource: Resource) -> Iterator[str]:
    """What a token allows is written down: no rule lets everybody do everything, none only watches."""
    checks_tokens, denies_by_default = False, False
    for path, document in envoy_documents(resource):
        checks_tokens = checks_tokens or any(True for _ in typed(document, _JWT))
        for check in typed(document, "RBAC"):
            rules, tree = check.get("rules"), check.get("matcher")
            if not rules and not tree:
                yield f"{path}: an RBAC filter has no rules, so it allows everything"
                continue
            action = (rules or {}).get("action", "ALLOW")
            denies_by_default |= bool(rules) and action == "ALLOW"
            if action not in ("ALLOW", "DENY"):
                yield f"{path}: an RBAC filter only watches"
            for name, policy in ((rules or {}).get("policies") or {}).items():
                if action == "ALLOW" and _is_any(policy, "permissions") and _is_any(policy, "principals"):
                    yield f"{path}: policy {name} allows everybody everything"
    if checks_tokens and not denies_by_default:
        yield "no RBAC filter lists what a token allows, so every token allows every model"


def _is_any(policy: Mapping[str, Any], key: str) -> bool:
    """Whether a list of permissions or principals holds one that is always met."""
    return any(entry.get("any") for entry in items(policy.get(key)))


@rule(
    *HOLDERS,
    fix="Keep the administration on a unix socket, and the configuration in files of these few kinds.",
    source=f"{_ENVOY}best_practices/edge",
    severity="critical",
)
def access_gateway_is_only_a_gateway(resource: Resource) -> Iterator[str]:
    """The gateway runs reviewed extensions from files, is administered by a socket, and logs no token."""
    for path, document in envoy_documents(resource):
        if isinstance(document.root, Mapping) and document.root.keys() & {
            "static_resources",
            "dynamic_resources",
            "admin",
        }:
            unknown = sorted(document.root.keys() - _BOOTSTRAP)
            if unknown:
                yield f"{path}: the bootstrap has {', '.join(unknown)}"
            admin = at(document.root, "admin.address")
            if admin is not None and set(admin) != {"pipe"}:
                yield f"{path}: the administration does not listen on a unix socket"
        for node in document.nodes:
            if not node.keys() & _JUDGED:
                continue
            named = [node.get("@type"), *items(node.get("type_urls"))]
            for message in (str(name).rpartition("/")[2] for name in named if name):
                if message not in _MESSAGES:
                    yield f"{path}: message {message} is not listed"
            for key in sorted(node.keys() & _REMOTE):
                yield f"{path}: {key} asks a server"
            if node.get("use_original_dst") or node.get("type") == "ORIGINAL_DST" or "udp_listener_config" in node:
                yield f"{path}: a listener or cluster goes by the caller's address"
            chains = [*items(node.get("filter_chains")), *items(node.get("default_filter_chain"))]
            if any(not kind_of(one) for chain in chains for one in items(chain.get("filters"))):
                yield f"{path}: a network filter does not say what it is"
            if node.get("listener_filters"):
                yield f"{path}: a listener has listener_filters"
            source = at(node, "default_source_code.inline_string")
            if node.keys() & {"source_codes", "inline_code"} or (source is None and "default_source_code" in node):
                yield f"{path}: a Lua filter has a script that is not shown whole"
            if source is not None and _CALLS.search(source):
                yield f"{path}: a Lua script calls out"
        if re.search(r"%REQ\(authorization", json.dumps(document.root), re.IGNORECASE):
            yield f"{path}: a log line holds the Authorization header"


@rule(
    *HOLDERS,
    fix="Name the engines by their host names inside the cluster or on the host.",
    source=f"{_ENVOY}upstream/upstream",
    severity="critical",
)
def access_gateway_leads_to_engines_only(resource: Resource) -> Iterator[str]:
    """Every address in the gateway's configuration is its own or inside, and every file can be read."""
    for path, _ in files(resource):
        if re.search(r"\.pb(_\w+)?$", path):
            yield f"{path} is a binary configuration"
    for path, document in envoy_documents(resource):
        for node in document.nodes:
            socket = node.get("socket_address")
            if not isinstance(socket, Mapping):
                continue
            address = str(socket.get("address"))
            if address != "0.0.0.0" and not is_private_host(address, resource.estate):
                yield f"{path}: address {address!r} is outside"


RULES: tuple[Rule, ...] = (
    access_gateway_asks_for_a_token,
    access_gateway_tokens_are_checked,
    access_gateway_routes_are_exact,
    access_gateway_authorises_by_name,
    access_gateway_is_only_a_gateway,
    access_gateway_leads_to_engines_only,
)
