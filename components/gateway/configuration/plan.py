"""What the gateway's configuration is computed from: settings, and where things are in its container."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.settings.gateway import Client, Gateway, Tier


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """The public half of a KMS key that signs tokens.

    Args:
        kid: the name that tokens carry in their header.
        public_key: SubjectPublicKeyInfo of a P-256 key, DER in base64, as KMS `GetPublicKey` and Pulumi give it.
    """

    kid: str
    public_key: str


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The engines of one model; `dns` takes every address behind a name (a headless Service, a container's alias)."""

    addresses: tuple[tuple[str, int], ...]
    resolution: Literal["static", "dns"] = "dns"


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Paths of a certificate chain and its key inside the container; both lie in `folder` and may be replaced there."""

    folder: str
    certificate: str = "tls.crt"
    private_key: str = "tls.key"


@dataclass(frozen=True, kw_only=True)
class GatewayPlan:
    """Everything the gateway's documents are computed from.

    Args:
        upstreams: model name as clients spell it -> its engines.
        tls: none where something else ends TLS, or on the loopback of one host.
        configuration_folder: where `dynamic_files` are mounted; a swap of that folder's files takes effect at once.
        revocation_folder: where `revocation.json` lies; written by `cloister token revoke`, not by a stack.
        admin_socket: path of the unix socket that takes administration commands (at most 107 bytes).
    """

    gateway: Gateway
    tiers: Mapping[str, Tier]
    clients: Mapping[str, Client]
    upstreams: Mapping[str, Upstream]
    signing_keys: tuple[SigningKey, ...]
    tls: Tls | None = None
    listen_address: str = "0.0.0.0"
    listen_port: int = 8443
    metrics_port: int = 9902
    configuration_folder: str = "/etc/envoy/configuration"
    revocation_folder: str = "/etc/envoy/revocation"
    admin_socket: str = "/tmp/envoy-admin.sock"
