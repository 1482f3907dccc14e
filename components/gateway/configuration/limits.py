"""How much a client may ask for: requests and tokens a minute, counted in each gateway by itself."""

from collections.abc import Callable
from typing import Final

from components.gateway.configuration.envoy import CLIENT_HEADER, COST_HEADER, Document, filter_message, typed
from components.gateway.configuration.plan import GatewayPlan
from components.settings.gateway import Tier

FILLS_PER_MINUTE: Final = 600
ALWAYS: Final = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def token_bucket(per_minute: int) -> Document:
    """A bucket of one minute's amount that is filled evenly, at exactly that rate."""
    per_fill = max(1, round(per_minute / FILLS_PER_MINUTE))
    interval = 60 * per_fill / per_minute
    return {"max_tokens": per_minute, "tokens_per_fill": per_fill, "fill_interval": f"{interval:.9f}s"}


def _limit(plan: GatewayPlan, name: str, amount: Callable[[Tier], int], hits: Document) -> Document:
    descriptors = [
        {
            "entries": [{"key": "client", "value": client}],
            "token_bucket": token_bucket(amount(plan.tiers[settings.tier])),
        }
        for client, settings in plan.clients.items()
    ]
    who = {"request_headers": {"header_name": CLIENT_HEADER, "descriptor_key": "client"}}
    fields = {
        "stat_prefix": name,
        "filter_enabled": ALWAYS,
        "filter_enforced": ALWAYS,
        # For what fits no bucket of a client: Envoy skips a descriptor whose cost it cannot read, which would be free.
        "token_bucket": token_bucket(1),
        "always_consume_default_token_bucket": False,
        "enable_retry_after_header": True,
        "descriptors": descriptors,
        "rate_limits": [{"actions": [who], **hits}],
    }
    return typed(filter_message("local_ratelimit.v3.LocalRateLimit"), fields)


def request_limit(plan: GatewayPlan) -> Document:
    """Requests a minute, before the body is read."""
    return _limit(plan, "request_limit", lambda tier: tier.requests_per_minute, {})


def token_limit(plan: GatewayPlan) -> Document:
    """Tokens a minute by reservation: what the request could cost at most is charged when it arrives."""
    hits = {"hits_addend": {"format": f"%REQ({COST_HEADER})%"}}
    return _limit(plan, "token_limit", lambda tier: tier.tokens_per_minute, hits)
