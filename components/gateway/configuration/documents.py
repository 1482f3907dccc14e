"""The documents as files: the bootstrap that Envoy starts with, and the files that it watches."""

from typing import Any, Final

from components.gateway.configuration.plan import GatewayPlan

BOOTSTRAP_FILE: Final = "envoy.json"


def arguments(bootstrap_path: str) -> tuple[str, ...]:
    """Envoy's command line (without the program's name)."""
    raise NotImplementedError


def bootstrap(plan: GatewayPlan) -> dict[str, Any]:
    """What Envoy starts with: it changes only with listeners, so a change means new gateways."""
    raise NotImplementedError


def dynamic_files(plan: GatewayPlan) -> dict[str, str]:
    """File name -> text for `configuration_folder`: routes, clusters, keys, clients, limits; all reloaded while running."""
    raise NotImplementedError


def inlined(plan: GatewayPlan) -> dict[str, Any]:
    """The same configuration in one document, for `envoy --mode validate`, which does not open watched files."""
    raise NotImplementedError
