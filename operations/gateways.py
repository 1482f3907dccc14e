"""What the token commands need to know of a stack with a gateway: its settings, and what its platform deployed."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.gateway.configuration import SigningKey
from components.settings.layer import EdgeSettings, ServingSettings
from components.settings.load import ROOT, load_stack
from operations.deployed import outputs
from operations.errors import CommandError
from operations.token_revoke import ConfigMapTarget, FolderTarget, publish_revocations, revocations


@dataclass(frozen=True, kw_only=True)
class GatewayStack:
    """A serving or edge stack, together with its platform's outputs."""

    stack: str
    settings: ServingSettings | EdgeSettings
    platform: dict[str, Any]

    @property
    def signing_keys(self) -> tuple[SigningKey, ...]:
        """The public keys by which the platform's tokens are checked."""
        return tuple(SigningKey(**key) for key in self.platform["signing_keys"])

    def revocation_target(self) -> FolderTarget | ConfigMapTarget:
        """Where the gateways of this stack look for revocations; on the edge it must exist before the stack does.

        Raises:
            CommandError: the stack is not deployed, or names a target of an unknown kind.
        """
        if isinstance(self.settings, EdgeSettings):
            return FolderTarget(folder=self.settings.host.path("revocation", ROOT))
        target = str(outputs(self.stack).get("revocation_target", ""))
        kind, _, place = target.partition(":")
        match kind:
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


def bring_up_to_date(stack: GatewayStack) -> None:
    """Give the gateways of a stack every revocation that is in force, from the records in the audit bucket.

    Raises:
        CommandError: the records cannot be read, or the gateways' place cannot be written.
    """
    import boto3

    s3 = boto3.client("s3", region_name=stack.settings.region)
    text = revocations(audit_bucket=stack.platform["audit_bucket_name"], s3=s3, now=datetime.now(UTC))
    target = stack.revocation_target()
    if isinstance(target, FolderTarget):
        target.folder.mkdir(parents=True, exist_ok=True)
    publish_revocations(target, text)


def gateway_settings(stack: str) -> ServingSettings | EdgeSettings:
    """The settings of a stack that has a gateway.

    Raises:
        CommandError: the stack has none.
        SettingsError: the stack file holds problems.
    """
    settings = load_stack(stack)
    if not isinstance(settings, ServingSettings | EdgeSettings):
        raise CommandError(
            f"stack {stack!r} is of layer {settings.layer} and has no gateway; name a serving or edge stack"
        )
    return settings


def gateway_stack(stack: str) -> GatewayStack:
    """Read a stack's settings and its platform's outputs.

    Raises:
        CommandError: the stack has no gateway, or its platform is not deployed.
        SettingsError: the stack file holds problems.
    """
    settings = gateway_settings(stack)
    return GatewayStack(stack=stack, settings=settings, platform=outputs(settings.platform))
