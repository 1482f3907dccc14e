"""What the gateway in front of an edge host is computed from."""

from components.edge.model import host_name
from components.gateway.configuration import GatewayPlan, SigningKey, Upstream
from components.serving.engines.launch import PORT
from components.settings.layer import EdgeSettings


def gateway_plan(settings: EdgeSettings, keys: tuple[SigningKey, ...]) -> GatewayPlan:
    """The gateway in front of an edge host's engines."""
    return GatewayPlan(
        gateway=settings.gateway,
        tiers=settings.tiers,
        clients=settings.clients,
        upstreams={name: Upstream(addresses=((host_name(name), PORT),)) for name in settings.models},
        signing_keys=keys,
    )
