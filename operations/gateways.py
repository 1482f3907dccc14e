"""What the token commands need to know of a stack with a gateway: its settings, and what its platform deployed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings.layer import EdgeSettings, ServingSettings
from components.settings.load import load_stack
from operations.deployed import outputs
from operations.errors import CommandError
from operations.token_revoke import ConfigMapTarget, FolderTarget


@dataclass(frozen=True, kw_only=True)
class GatewayStack:
    """A serving or edge stack, together with its platform's outputs."""

    stack: str
    settings: ServingSettings | EdgeSettings
    platform: dict[str, Any]

    def revocation_target(self) -> FolderTarget | ConfigMapTarget:
        """Where the gateways of this stack look for revocations.

        Raises:
            CommandError: the stack is not deployed, or names a target of an unknown kind.
        """
        target = str(outputs(self.stack).get("revocation_target", ""))
        kind, _, place = target.partition(":")
        match kind:
            case "folder":
                return FolderTarget(folder=Path(place))
            case "configmap":
                from components.serving.kubeconfig import kubeconfig

                namespace, _, name = place.partition("/")
                document = kubeconfig(
                    cluster=self.platform["cluster_name"],
                    endpoint=self.platform["cluster_endpoint"],
                    certificate_authority=self.platform["cluster_certificate_authority"],
                    region=self.settings.region,
                )
                return ConfigMapTarget(kubeconfig=json.loads(document), namespace=namespace, name=name)
            case _:
                raise CommandError(f"stack {self.stack!r} names no place for revocations ({target!r}); deploy it again")


def gateway_stack(stack: str) -> GatewayStack:
    """Read a stack's settings and its platform's outputs.

    Raises:
        CommandError: the stack has no gateway, or its platform is not deployed.
        SettingsError: the stack file holds problems.
    """
    settings = load_stack(stack)
    if not isinstance(settings, ServingSettings | EdgeSettings):
        raise CommandError(f"stack {stack!r} is of layer {settings.layer} and has no gateway; name a serving or edge stack")
    return GatewayStack(stack=stack, settings=settings, platform=outputs(settings.platform))
