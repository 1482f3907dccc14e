"""Where requests come in: the order of the filters, what HTTP is accepted, TLS, and the listener for metrics."""

from typing import Any, Final

from components.gateway.configuration.body import body_filter, scanner_filter
from components.gateway.configuration.clusters import ADMIN_CLUSTER
from components.gateway.configuration.envoy import (
    AFFINITY_HEADER,
    Document,
    discovered,
    extension,
    filter_message,
    resources,
    typed,
    watched,
)
from components.gateway.configuration.identity import client_filter, token_filter
from components.gateway.configuration.limits import request_limit, token_limit
from components.gateway.configuration.logs import access_log
from components.gateway.configuration.models import model_filter
from components.gateway.configuration.plan import GatewayPlan, Tls
from components.gateway.configuration.replies import local_replies
from components.gateway.configuration.revocation import REVOCATION_FILE, REVOCATION_FILTER
from components.gateway.configuration.routes import AFFINITY_KEY, exact

MIB: Final = 1 << 20
MANAGER: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
HEADER_SECONDS: Final = 10
REQUEST_SECONDS: Final = 120
KEEP_ALIVE_SECONDS: Final = 75
ROUTES_FILE: Final = "routes.json"
CERTIFICATE_FILE: Final = "certificate.json"
RBAC: Final = filter_message("rbac.v3.RBAC")
LOCAL_LIMIT: Final = filter_message("local_ratelimit.v3.LocalRateLimit")
JWT: Final = filter_message("jwt_authn.v3.JwtAuthentication")
TLS: Final = "envoy.extensions.transport_sockets.tls.v3"

DOWNSTREAM_KEEP_ALIVE: Final = ((1, 9, 1), (6, 4, 60), (6, 5, 20), (6, 6, 3))
"""Linux's SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT: after 60 s without a byte, every 20 s, three times.

A Network Load Balancer forgets a TLS connection after 350 s without a byte; an answer that is not streamed may take
longer. It passes the sign of life on to the client. Source: NLB User Guide, "Connection idle timeout".
"""

OUR_HEADERS: Final = "x-"
"""What begins with this is removed before anything looks at a request: ours and Envoy's own headers have such names."""


def dynamic_filters(plan: GatewayPlan) -> dict[str, Document]:
    """Name -> settings of the filters that follow clients, keys and models; each is one watched file."""
    return {
        "token": token_filter(plan),
        "client": client_filter(plan),
        "request_limit": request_limit(plan),
        "body": body_filter(plan),
        "model": model_filter(plan),
        "token_limit": token_limit(plan),
    }


def http_filters(plan: GatewayPlan) -> list[Document]:
    """The filters in their order: who asks, how often, what, for which model, at what price; then on to the engine."""
    folder = plan.configuration_folder
    body_limit = {"max_request_bytes": plan.gateway.body_limit_mib * MIB}
    # Routes remove the header before the load balancer hashes, so the key travels beside the request.
    affinity = {
        "object_key": AFFINITY_KEY,
        "factory_key": "envoy.hashable_string",
        "format_string": {"text_format_source": {"inline_string": f"%REQ({AFFINITY_HEADER})%"}},
        "skip_if_empty": True,
    }
    return [
        extension("body_size", filter_message("body_size_limit.v3.BodySizeLimit"), body_limit),
        discovered("token", JWT, folder, "token.json"),
        discovered("client", RBAC, folder, "client.json"),
        discovered(REVOCATION_FILTER, RBAC, plan.revocation_folder, REVOCATION_FILE),
        discovered("request_limit", LOCAL_LIMIT, folder, "request_limit.json"),
        scanner_filter(),
        discovered("body", RBAC, folder, "body.json"),
        discovered("model", RBAC, folder, "model.json"),
        discovered("token_limit", LOCAL_LIMIT, folder, "token_limit.json"),
        extension("affinity", filter_message("set_filter_state.v3.Config"), {"on_request_headers": [affinity]}),
        extension("router", filter_message("router.v3.Router"), {"suppress_envoy_headers": True}),
    ]


def switchable_filters(plan: GatewayPlan) -> list[str]:
    """Names of all filters but the router: what a path that does not exist is spared."""
    return [found["name"] for found in http_filters(plan)[:-1]]


def _connection_manager(plan: GatewayPlan) -> Document:
    drop = {"remove_on_match": {"key_matcher": {"prefix": OUR_HEADERS}}}
    mutation = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    fields: dict[str, Any] = {
        "stat_prefix": "gateway",
        "codec_type": "AUTO",
        "rds": {"route_config_name": "api", "config_source": watched(plan.configuration_folder, ROUTES_FILE)},
        "http_filters": http_filters(plan),
        "access_log": access_log(),
        "local_reply_config": local_replies(),
        "early_header_mutation_extensions": [extension("drop", mutation, {"mutations": [drop]})],
        "use_remote_address": True,
        "skip_xff_append": True,
        "internal_address_config": {
            "unix_sockets": False,
            "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}],
        },
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
        "server_header_transformation": "OVERWRITE",
        "server_name": "cloister",
        # A path counts only as it is written: what Envoy would normalise, an engine might read in yet another way.
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "stream_error_on_invalid_http_message": False,
        "request_headers_timeout": f"{HEADER_SECONDS}s",
        "request_timeout": f"{REQUEST_SECONDS}s",
        "stream_idle_timeout": f"{plan.gateway.idle_seconds}s",
        "drain_timeout": "5s",
        "delayed_close_timeout": "1s",
        "max_request_headers_kb": 24,
        "common_http_protocol_options": {
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 64,
            "idle_timeout": f"{KEEP_ALIVE_SECONDS}s",
        },
        "http_protocol_options": {"accept_http_10": False, "allow_chunked_length": False, "allow_absolute_url": False},
        "http2_protocol_options": {
            "max_concurrent_streams": 128,
            "initial_stream_window_size": 1 << 16,
            "initial_connection_window_size": MIB,
            "allow_connect": False,
        },
    }
    return extension("http", MANAGER, fields)


def _downstream_tls(plan: GatewayPlan) -> Document:
    common = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [
            {"name": "server", "sds_config": watched(plan.configuration_folder, CERTIFICATE_FILE)}
        ],
    }
    return extension("tls", f"{TLS}.DownstreamTlsContext", {"common_tls_context": common})


def certificate_file(tls: Tls) -> str:
    """Text of the watched file that says where the certificate is; a swap in its folder is taken without a restart."""
    certificate = {
        "certificate_chain": {"filename": f"{tls.folder}/{tls.certificate}"},
        "private_key": {"filename": f"{tls.folder}/{tls.private_key}"},
        "watched_directory": {"path": tls.folder},
    }
    return resources([typed(f"{TLS}.Secret", {"name": "server", "tls_certificate": certificate})])


def public_listener(plan: GatewayPlan) -> Document:
    """The one listener that clients reach."""
    chain: Document = {"filters": [_connection_manager(plan)], "transport_socket_connect_timeout": "10s"}
    if plan.tls:
        chain["transport_socket"] = _downstream_tls(plan)
    return {
        "name": "gateway",
        "address": {"socket_address": {"address": plan.listen_address, "port_value": plan.listen_port}},
        "filter_chains": [chain],
        # The scanner holds a whole body.
        "per_connection_buffer_limit_bytes": (plan.gateway.body_limit_mib + 1) * MIB,
        "tcp_backlog_size": 4096,
        # Accepted connections inherit them.
        "socket_options": [
            {"level": level, "name": name, "int_value": value} for level, name, value in DOWNSTREAM_KEEP_ALIVE
        ],
    }


def metrics_listener(plan: GatewayPlan) -> Document:
    """Two read-only paths of the administration socket, for Prometheus and for readiness."""
    paths = [
        {"match": exact(path, "GET"), "route": {"cluster": ADMIN_CLUSTER, "timeout": "10s"}}
        for path in ("/stats/prometheus", "/ready")
    ]
    fields = {
        "stat_prefix": "metrics",
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "route_config": {"name": "metrics", "virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": paths}]},
        "http_filters": [extension("router", filter_message("router.v3.Router"))],
    }
    return {
        "name": "metrics",
        "address": {"socket_address": {"address": plan.listen_address, "port_value": plan.metrics_port}},
        "filter_chains": [{"filters": [extension("http", MANAGER, fields)]}],
        "ignore_global_conn_limit": True,
    }
