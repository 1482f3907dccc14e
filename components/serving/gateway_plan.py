"""What the gateway in front of a serving stack is computed from."""

from components.gateway.configuration import GatewayPlan, SigningKey, Upstream
from components.serving.engines.launch import PORT
from components.serving.workload import host_name
from components.settings.layer import ServingSettings


def gateway_plan(settings: ServingSettings, keys: tuple[SigningKey, ...]) -> GatewayPlan:
    """The gateway in front of a serving stack's engines, without TLS."""
    upstreams = {name: Upstream(addresses=((host_name(name, settings.namespace), PORT),)) for name in settings.models}
    return GatewayPlan(
        gateway=settings.gateway,
        tiers=settings.tiers,
        clients=settings.clients,
        upstreams=upstreams,
        signing_keys=keys,
    )
