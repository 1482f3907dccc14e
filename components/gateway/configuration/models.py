"""What a client may use: a model passes if the token names it and the client's declaration does, too."""

from typing import Any, Final

from components.gateway.configuration.envoy import (
    BODY_METADATA,
    JWT_METADATA,
    Document,
    filter_message,
    header_is,
    metadata,
    metadata_is,
    rule_on,
    typed,
)
from components.gateway.configuration.plan import GatewayPlan

MODELS_PATH: Final = "/v1/models"


def allowed_models(plan: GatewayPlan, client: str) -> tuple[str, ...]:
    """The served models that a client's declaration names, in the order of the declaration."""
    return tuple(name for name in plan.clients[client].models if name in plan.upstreams)


def model_filter(plan: GatewayPlan) -> Document:
    """An allow-list: whatever no policy names is refused, also when the scanner left no model behind."""
    listing = [{"header": header_is(":method", "GET")}, {"header": header_is(":path", MODELS_PATH)}]
    policies: dict[str, Any] = {
        "list_models": {"permissions": [{"and_rules": {"rules": listing}}], "principals": [{"any": True}]}
    }
    for model in plan.upstreams:
        declared = [client for client in plan.clients if model in allowed_models(plan, client)]
        if not declared:
            continue
        named = metadata(
            JWT_METADATA, ["jwt", "models"], {"list_match": {"one_of": {"string_match": {"exact": model}}}}
        )
        clients = [rule_on(metadata_is(JWT_METADATA, ["jwt", "sub"], client)) for client in declared]
        policies[f"use_{model}"] = {
            "permissions": [rule_on(metadata_is(BODY_METADATA, ["model"], model))],
            "principals": [{"and_ids": {"ids": [rule_on(named), {"or_ids": {"ids": clients}}]}}],
        }
    rules = {"action": "ALLOW", "policies": policies}
    return typed(filter_message("rbac.v3.RBAC"), {"rules_stat_prefix": "model_", "rules": rules})
