"""What the other layers read of the platform: values it exported, and settings that are known before it exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output

from components.catalog.names import Names
from components.catalog.s3_ranges import s3_ranges
from components.gateway.configuration import SigningKey
from components.network.layout import ZoneLayout, layout
from components.settings.layer import PlatformSettings
from components.settings.load import load_stack


@dataclass(frozen=True, kw_only=True)
class PlatformStack:
    """One platform stack as its consumers see it.

    Args:
        gateway_target_group_arn: where gateways register themselves; None if the platform has no front.
    """

    settings: PlatformSettings
    cluster_name: Output[str]
    cluster_endpoint: Output[str]
    cluster_certificate_authority: Output[str]
    signing_keys: Output[tuple[SigningKey, ...]]
    gateway_target_group_arn: Output[str] | None

    @property
    def weight_cache_bucket(self) -> str:
        """Name of the bucket that holds model weights."""
        return Names(account_id=self.settings.account_id, region=self.settings.region).weight_cache_bucket

    @property
    def endpoint_cidrs(self) -> tuple[str, ...]:
        """Where AWS's services and the gateway's load balancer have their addresses inside the VPC."""
        return tuple(zone.endpoint_cidr for zone in self._zones.values())

    @property
    def client_cidrs(self) -> tuple[str, ...]:
        """Whose packets reach the gateway: the load balancer's, or without a front those of the cluster's own pods."""
        if self.settings.network.front is not None:
            return self.endpoint_cidrs
        return tuple(cidr for zone in self._zones.values() for cidr in zone.inner_cidrs)

    @property
    def own_cidrs(self) -> tuple[str, ...]:
        """The ranges of the VPC, of its pods, and of what is connected to it."""
        return (*self.settings.network.vpc_cidrs, *self.settings.network.routed_cidrs)

    @property
    def storage_cidrs(self) -> tuple[str, ...]:
        """Where S3 has its addresses: public ones, which the VPC reaches by its gateway endpoint alone."""
        return self.settings.network.storage_cidrs or s3_ranges(self.settings.region)

    @property
    def _zones(self) -> Mapping[str, ZoneLayout]:
        network = self.settings.network
        return layout(network.cidr, self.settings.zones, network.pod_cidr)


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
        gateway_target_group_arn=_text(reference, "gateway_target_group_arn") if settings.network.front else None,
    )


def _text(reference: pulumi.StackReference, name: str) -> Output[str]:
    return reference.require_output(name).apply(str)


def _signing_keys(exported: Sequence[Any]) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(kid=key["kid"], public_key=key["public_key"]) for key in exported)
