"""Where models are: one cluster for each, with health checks and a choice of replica that keeps prompts together."""

from typing import Final

from components.gateway.configuration.envoy import Document, extension, resources, typed
from components.gateway.configuration.plan import GatewayPlan, Upstream

ADMIN_CLUSTER: Final = "admin"
MODEL_PREFIX: Final = "model-"
CONNECTIONS_PER_MODEL: Final = 4096
UPSTREAM_IDLE_SECONDS: Final = 3
"""Below the engines' own keep-alive of 5 s, so that no request meets a connection that is just being closed."""
MAGLEV: Final = "envoy.extensions.load_balancing_policies.maglev.v3.Maglev"
DNS_CLUSTER: Final = "envoy.extensions.clusters.dns.v3.DnsCluster"
DNS: Final = {"dns_refresh_rate": "2s", "dns_lookup_family": "V4_ONLY", "all_addresses_in_single_endpoint": False}
HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def model_cluster_name(model: str) -> str:
    """A cluster's name; the prefix keeps models and the gateway's own cluster apart."""
    return f"{MODEL_PREFIX}{model}"


def _endpoints(name: str, addresses: tuple[tuple[str, int], ...]) -> Document:
    points = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}} for host, port in addresses
    ]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": points}] if points else []}


def model_cluster(model: str, upstream: Upstream) -> Document:
    """The replicas of one model; a replica that fails its health check gets nothing."""
    name = model_cluster_name(model)
    # Bounded load: replicas above 1.25 times the mean pass requests on. Not ring_hash: it moves other replicas' keys.
    maglev = extension(
        "envoy.load_balancing_policies.maglev", MAGLEV, {"consistent_hashing_lb_config": {"hash_balance_factor": 125}}
    )
    http = {
        "explicit_http_config": {"http_protocol_options": {}},
        "common_http_protocol_options": {"idle_timeout": f"{UPSTREAM_IDLE_SECONDS}s"},
    }
    # HTTP/1.1 counts a request that waits for its connection as pending, so pending must cover a burst.
    bounds = {
        "max_connections": CONNECTIONS_PER_MODEL,
        "max_pending_requests": 512,
        "max_requests": 512,
        "max_retries": 16,
    }
    resolution: Document = {"type": "STATIC"}
    if upstream.resolution == "dns":
        resolution = {"cluster_type": extension("envoy.cluster.dns", DNS_CLUSTER, DNS)}
    return typed(
        "envoy.config.cluster.v3.Cluster",
        {
            "name": name,
            **resolution,
            "connect_timeout": "1s",
            "load_assignment": _endpoints(name, upstream.addresses),
            "load_balancing_policy": {"policies": [{"typed_extension_config": maglev}]},
            # No panic mode (it would send to replicas that are not ready); no second of 503s while replicas change.
            "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
            "ignore_health_on_host_removal": True,
            "circuit_breakers": {"thresholds": [bounds]},
            "typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, http)},
            "upstream_connection_options": {
                "tcp_keepalive": {"keepalive_time": 30, "keepalive_interval": 10, "keepalive_probes": 3}
            },
            "health_checks": [
                {
                    "timeout": "1s",
                    "interval": "1s",
                    "no_traffic_interval": "1s",
                    "unhealthy_threshold": 2,
                    "healthy_threshold": 1,
                    "http_health_check": {"path": "/health"},
                }
            ],
        },
    )


def clusters_file(plan: GatewayPlan) -> str:
    """Text of the watched file of clusters."""
    return resources(model_cluster(model, upstream) for model, upstream in plan.upstreams.items())


def admin_cluster(plan: GatewayPlan) -> Document:
    """The administration socket, for the metrics listener's two paths."""
    point = {"endpoint": {"address": {"pipe": {"path": plan.admin_socket}}}}
    assignment = {"cluster_name": ADMIN_CLUSTER, "endpoints": [{"lb_endpoints": [point]}]}
    return {"name": ADMIN_CLUSTER, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}
