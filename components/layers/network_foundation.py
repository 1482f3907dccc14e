"""What the parts of the platform's network are built on: addresses, VPC, subnets."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from components.catalog.names import Names
from components.catalog.s3_ranges import s3_ranges
from components.network.layout import ZoneLayout
from components.network.subnets import Subnets
from components.settings.layer import PlatformSettings


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Which ranges play which part.

    Attributes:
        zones: zone -> its subnets.
        runner: whether machines deploy from inside the VPC.
    """

    zones: Mapping[str, ZoneLayout]
    runner: bool

    @property
    def inner(self) -> list[str]:
        """Nodes and pods."""
        return [cidr for zone in self.zones.values() for cidr in zone.inner_cidrs]

    @property
    def runners(self) -> list[str]:
        """Machines that deploy."""
        return [zone.runner_cidr for zone in self.zones.values()] if self.runner else []

    @property
    def endpoints(self) -> list[str]:
        """Endpoints, control plane and load balancer."""
        return [zone.endpoint_cidr for zone in self.zones.values()]


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What every part of the platform's network is built on.

    Attributes:
        key_arn: encrypts logs and records.
        ours: options with the layer's provider.
    """

    settings: PlatformSettings
    names: Names
    addresses: Addresses
    vpc_id: Output[str]
    subnets: Subnets
    key_arn: Output[str]
    ours: ResourceOptions


def storage_cidrs(settings: PlatformSettings) -> tuple[str, ...]:
    """S3's public ranges: those of the settings, or else those of the catalogue."""
    return settings.network.storage_cidrs or s3_ranges(settings.region)
