"""AWS's own prefix lists of S3: under their published identifiers, with the ranges of the region.

Moto draws an identifier at random and gives every region the ranges of Northern Virginia.
"""

from __future__ import annotations

from typing import Any

from components.catalog.vpc_endpoints import service_name
from sandbox.providers.aws.storage_ranges import prefix_list_id, ranges


def apply() -> None:
    """Have every region's list of S3 made as AWS has it, as far as it is published."""
    from moto.ec2.models.managed_prefixes import ManagedPrefixListBackend

    make = ManagedPrefixListBackend.create_default_pls

    def create_default_pls(self: Any) -> None:
        make(self)
        region = self.region_name
        lists = self.managed_prefix_lists
        entry = next(item for item in lists.values() if item.prefix_list_name == f"com.amazonaws.{region}.s3")
        del lists[entry.id]
        entry.id = prefix_list_id(region) or entry.id
        entry.prefix_list_name = service_name("s3", region)
        entry.prefix_list_arn = entry.arn(region, entry.owner_id)
        cidrs = [{"Cidr": cidr, "Description": "default"} for cidr in ranges(region)]
        entry.entries = {1: cidrs}
        lists[entry.id] = entry

    setattr(ManagedPrefixListBackend, make.__name__, create_default_pls)
