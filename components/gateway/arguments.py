"""What the gateway on Kubernetes is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import Input

TLS_FOLDER: Final = "/etc/envoy/tls"
"""Where the pod's own key and certificate lie, in memory."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The load balancer that clients meet; each gateway registers itself there.

    Args:
        target_group_arn: where the gateways' addresses are registered.
        registrar_image: reference by digest.
        endpoint_cidrs: where the load balancer and AWS's own services have their addresses.
    """

    target_group_arn: Input[str]
    region: str
    registrar_image: str
    endpoint_cidrs: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Envoy's documents, made by `components.gateway.configuration`, and where the replicas run.

    Args:
        bootstrap: text of the document that Envoy starts with; a change replaces the pods.
        files: name -> text of the files that Envoy watches; a change takes effect in the running pods.
        admin_socket: Envoy's administration socket, in the scratch folder `/tmp`.
        client_cidrs: networks whose clients, or whose load balancer, may call the gateway.
        front: none where only pods of the cluster call the gateway; with one, Envoy speaks TLS.
    """

    namespace: Input[str]
    image: str
    replicas: int
    bootstrap: Input[str]
    files: Input[Mapping[str, str]]
    configuration_folder: str
    revocation_folder: str
    admin_socket: str
    listen_port: int
    metrics_port: int
    engine_port: int
    client_cidrs: Sequence[str]
    front: Front | None = None
