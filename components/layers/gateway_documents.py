"""The gateway's documents as outputs: they hold the public keys that the platform exports."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from pulumi import Output

from components.gateway.configuration import GatewayPlan, SigningKey, bootstrap, dynamic_files
from components.gateway.validation import validated


@dataclass(frozen=True, kw_only=True)
class Documents:
    """What Envoy starts with, and the files that it watches."""

    bootstrap: Output[str]
    files: Output[dict[str, str]]


def documents(
    signing_keys: Output[tuple[SigningKey, ...]], plan: Callable[[tuple[SigningKey, ...]], GatewayPlan]
) -> Documents:
    """The documents of a plan that becomes complete with the signing keys.

    A plan that Envoy refuses ends the preview: no document of it is ever applied.
    """
    planned = signing_keys.apply(lambda keys: validated(plan(keys)))
    return Documents(
        bootstrap=planned.apply(lambda complete: json.dumps(bootstrap(complete), indent=1, sort_keys=True)),
        files=planned.apply(dynamic_files),
    )
