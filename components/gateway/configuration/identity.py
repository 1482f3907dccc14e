"""Who asks: the token's signature and claims, and that its subject is a declared client."""

from typing import Final

from components.gateway.configuration.envoy import (
    CLIENT_HEADER,
    JTI_HEADER,
    Document,
    filter_message,
    header_input,
    header_tree,
    rbac_action,
    typed,
)
from components.gateway.configuration.keys import json_web_key_set
from components.gateway.configuration.plan import GatewayPlan

PROVIDER: Final = "own"
CLOCK_SKEW_SECONDS: Final = 5
LONGEST_TOKEN_BYTES: Final = 4096
"""What KMS signs in one call, too."""


def token_filter(plan: GatewayPlan) -> Document:
    """ES256 tokens of our issuer for our audience, not expired; the keys are inline, so nothing is fetched."""
    longest_hours = max((client.longest_token_hours for client in plan.clients.values()), default=1)
    provider = {
        "issuer": plan.gateway.issuer,
        "audiences": [plan.gateway.audience],
        "local_jwks": {"inline_string": json_web_key_set(plan.signing_keys)},
        # Naming the header switches off Envoy's second place to look, `?access_token=`.
        "from_headers": [{"name": "authorization", "value_prefix": scheme} for scheme in ("Bearer ", "bearer ")],
        "forward": False,
        "payload_in_metadata": "jwt",
        "require_expiration": True,
        "max_lifetime": f"{longest_hours * 3600 + 60}s",
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "clear_route_cache": True,
        "jwt_cache_config": {"jwt_cache_size": 4096, "jwt_max_token_size": LONGEST_TOKEN_BYTES},
        "claim_to_headers": [
            {"header_name": CLIENT_HEADER, "claim_name": "sub"},
            {"header_name": JTI_HEADER, "claim_name": "jti"},
        ],
    }
    # One rule for every path: no route can be open because it names no requirement.
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": PROVIDER}}
    message = filter_message("jwt_authn.v3.JwtAuthentication")
    return typed(message, {"providers": {PROVIDER: provider}, "rules": [rule], "strip_failure_response": False})


def client_filter(plan: GatewayPlan) -> Document:
    """Declared clients alone pass, and only with a token that has an id by which it can be revoked."""
    deny = rbac_action("undeclared", "DENY")
    declared = {name: rbac_action("declared", "ALLOW") for name in plan.clients}
    present = {"google_re2": {}, "regex": ".+"}
    has_id = {"single_predicate": {"input": header_input(JTI_HEADER), "value_match": {"safe_regex": present}}}
    first = {"predicate": has_id, "on_match": {"matcher": header_tree(CLIENT_HEADER, declared, deny)}}
    matcher = {"matcher_list": {"matchers": [first]}, "on_no_match": deny}
    return typed(filter_message("rbac.v3.RBAC"), {"rules_stat_prefix": "client_", "matcher": matcher})
