"""Settings in, Envoy 1.40 documents out: pure functions, one module a concern."""

from components.gateway.configuration.documents import (
    BOOTSTRAP_FILE,
    arguments,
    bootstrap,
    dynamic_files,
    inlined,
)
from components.gateway.configuration.keys import base64url, from_base64url, json_web_key_set, signing_keys
from components.gateway.configuration.plan import GatewayPlan, SigningKey, Tls, Upstream
from components.gateway.configuration.revocation import REVOCATION_FILE, revocation_file

__all__ = [
    "BOOTSTRAP_FILE",
    "REVOCATION_FILE",
    "GatewayPlan",
    "SigningKey",
    "Tls",
    "Upstream",
    "arguments",
    "base64url",
    "bootstrap",
    "dynamic_files",
    "from_base64url",
    "inlined",
    "json_web_key_set",
    "revocation_file",
    "signing_keys",
]
