"""The documents as files: the bootstrap that Envoy starts with, and the files that it watches."""

import json
from typing import Any, Final

from components.gateway.configuration.clusters import admin_cluster, clusters_file
from components.gateway.configuration.envoy import Document, extension, filter_file, watched
from components.gateway.configuration.listener import (
    CERTIFICATE_FILE,
    ROUTES_FILE,
    certificate_file,
    dynamic_filters,
    metrics_listener,
    public_listener,
    switchable_filters,
)
from components.gateway.configuration.plan import GatewayPlan
from components.gateway.configuration.revocation import REVOCATION_FILE, revocation_file
from components.gateway.configuration.routes import routes_file

BOOTSTRAP_FILE: Final = "envoy.json"
CLUSTERS_FILE: Final = "clusters.json"
HEAP_MIB: Final = 1024
"""Envoy refuses requests near this; the container's memory limit must lie above it."""
MONITOR: Final = "envoy.resource_monitors"
ACTION: Final = "envoy.overload_actions"


def arguments(bootstrap_path: str) -> tuple[str, ...]:
    """Envoy's command line (without the program's name)."""
    return (
        *("--config-path", bootstrap_path),
        *("--concurrency", "2"),
        "--disable-hot-restart",
        # A watched file with a field that this Envoy does not know is refused, instead of read without it.
        "--reject-unknown-dynamic-fields",
        *("--log-level", "warning"),
        *("--drain-time-s", "60"),
    )


def _overload(plan: GatewayPlan) -> Document:
    heap = "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"
    connections = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    steps = {
        "shrink_heap": 0.85,
        "disable_http_keepalive": 0.9,
        "stop_accepting_requests": 0.92,
        "stop_accepting_connections": 0.97,
    }
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(f"{MONITOR}.fixed_heap", heap, {"max_heap_size_bytes": HEAP_MIB << 20}),
            extension(
                f"{MONITOR}.global_downstream_max_connections",
                connections,
                {"max_active_downstream_connections": plan.gateway.max_connections},
            ),
        ],
        "actions": [
            {"name": f"{ACTION}.{name}", "triggers": [{"name": f"{MONITOR}.fixed_heap", "threshold": {"value": value}}]}
            for name, value in steps.items()
        ],
    }


def bootstrap(plan: GatewayPlan) -> Document:
    """What Envoy starts with; clients, keys and limits are not in it, so that they change without a restart."""
    return {
        "node": {"id": "gateway", "cluster": "cloister"},
        "admin": {"address": {"pipe": {"path": plan.admin_socket, "mode": 0o600}}},
        "static_resources": {
            "listeners": [public_listener(plan), metrics_listener(plan)],
            "clusters": [admin_cluster(plan)],
        },
        "dynamic_resources": {"cds_config": watched(plan.configuration_folder, CLUSTERS_FILE)},
        "overload_manager": _overload(plan),
    }


def dynamic_files(plan: GatewayPlan) -> dict[str, str]:
    """File name -> text for `configuration_folder`: routes, clusters, keys, clients and limits, reloaded while running.

    `revocation.json` is not among them: a deployment must never reset it.
    """
    files = {f"{name}.json": filter_file(name, config) for name, config in dynamic_filters(plan).items()}
    files[ROUTES_FILE] = routes_file(plan, switchable_filters(plan))
    files[CLUSTERS_FILE] = clusters_file(plan)
    if plan.tls:
        files[CERTIFICATE_FILE] = certificate_file(plan.tls)
    return files


def inlined(plan: GatewayPlan) -> Document:
    """The same configuration in one document, for `envoy --mode validate`, which does not open watched files."""
    files = dynamic_files(plan) | {REVOCATION_FILE: revocation_file((), ())}

    def read(source: Document) -> list[Document]:
        name = source["path_config_source"]["path"].rsplit("/", 1)[-1]
        found: list[Document] = json.loads(files[name])["resources"]
        return found

    def bare(message: Document) -> Document:
        return {key: value for key, value in message.items() if key != "@type"}

    def fold(value: Any) -> Any:
        if isinstance(value, list):
            return [fold(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = dict(value)
        if "config_discovery" in value:
            config = read(value["config_discovery"]["config_source"])[0]["typed_config"]
            value = {"name": value["name"], "typed_config": config}
        if "rds" in value:
            value["route_config"] = bare(read(value.pop("rds")["config_source"])[0])
        if "tls_certificate_sds_secret_configs" in value:
            secrets = value.pop("tls_certificate_sds_secret_configs")
            value["tls_certificates"] = [read(secret["sds_config"])[0]["tls_certificate"] for secret in secrets]
        return {key: fold(item) for key, item in value.items()}

    document: Document = fold(bootstrap(plan))
    clusters = read(document.pop("dynamic_resources")["cds_config"])
    document["static_resources"]["clusters"] += [bare(cluster) for cluster in clusters]
    return document
