"""The European Sovereign Cloud, and zones that a test asks for.

Not published where we could read it: how many zones eusc-de-east-1 has and what their identifiers are; those here have
the usual form.
"""

from __future__ import annotations

from typing import Any

from components.catalog.regions import EU_REGIONS, partition
from sandbox.providers.aws.zones import added_zones


def apply() -> None:
    """Give moto the regions and zones that it lacks, and the domain of its registries."""
    from moto.ec2.models.availability_zones_and_regions import Region, RegionsAndZonesBackend, Zone

    for region in EU_REGIONS:
        known = {name.name for name in RegionsAndZonesBackend.regions}
        if region not in known:
            endpoint = f"ec2.{region}.{partition(region).dns_suffix}"
            RegionsAndZonesBackend.regions.append(Region(region, endpoint, "opt-in-not-required"))
        zones = RegionsAndZonesBackend.zones.setdefault(region, [])
        for name in added_zones(region):
            if name not in {zone.name for zone in zones}:
                number = len(zones) + 1
                zones.append(Zone(name=name, region_name=region, zone_id=f"{_short(region)}-az{number}"))

    _name_registries()


def _name_registries() -> None:
    """Registries answer in the region's own domain; moto knows one domain only."""
    from moto.ecr.models import Repository

    repository: Any = Repository
    make = repository.__init__

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        make(self, *given, **named)
        region = self.uri.split(".")[3]
        self.uri = self.uri.replace(".amazonaws.com/", f".{partition(region).dns_suffix}/", 1)

    repository.__init__ = __init__


def _short(region: str) -> str:
    """The beginning of a zone's identifier: `euc1` of eu-central-1."""
    area, direction, number = region.rsplit("-", 2)
    return f"{area.replace('-', '')}{direction[0]}{number}"
