"""What the other layers read of the platform: values it exported, and settings that are known before it exists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output

from components.catalog.names import Names
from components.gateway.configuration import SigningKey
from components.network.layout import layout
from components.settings.layer import PlatformSettings
from components.settings.load import load_stack


@dataclass(frozen=True, kw_only=True)
class PlatformStack:
    """One platform stack as its consumers see it."""

    settings: PlatformSettings
    cluster_name: Output[str]
    cluster_endpoint: Output[str]
    cluster_certificate_authority: Output[str]
    signing_keys: Output[tuple[SigningKey, ...]]

    @property
    def weight_cache_bucket(self) -> str:
        """Name of the bucket that holds model weights."""
        return Names(account_id=self.settings.account_id, region=self.settings.region).weight_cache_bucket

    @property
    def endpoint_cidrs(self) -> tuple[str, ...]:
        """Where AWS's services have their addresses inside the VPC."""
        zones = layout(self.settings.network.cidr, self.settings.zones)
        return tuple(zone.endpoint_cidr for zone in zones.values())

    @property
    def client_cidrs(self) -> tuple[str, ...]:
        """Networks whose clients may call: our own, and those that are peered."""
        network = self.settings.network
        return (network.cidr, *(peering.cidr for peering in network.peerings.values()))


def platform_stack(stack: str) -> PlatformStack:
    """The platform stack of the same project and organisation.

    Raises:
        SettingsError: the platform's stack file has problems.
        TypeError: the stack is of another layer.
    """
    settings = load_stack(stack)
    if not isinstance(settings, PlatformSettings):
        raise TypeError(f"{stack} is a stack of layer {settings.layer}, not platform")
    reference = pulumi.StackReference(
        "platform", stack_name=f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    )
    return PlatformStack(
        settings=settings,
        cluster_name=_text(reference, "cluster_name"),
        cluster_endpoint=_text(reference, "cluster_endpoint"),
        cluster_certificate_authority=_text(reference, "cluster_certificate_authority"),
        signing_keys=reference.require_output("signing_keys").apply(_signing_keys),
    )


def _text(reference: pulumi.StackReference, name: str) -> Output[str]:
    return reference.require_output(name).apply(str)


def _signing_keys(exported: Sequence[Any]) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(kid=key["kid"], public_key=key["public_key"]) for key in exported)
