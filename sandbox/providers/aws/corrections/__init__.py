"""Where moto answers otherwise than AWS: what the account's server changes in it before it serves.

Each module changes moto's classes in its own process and nothing else; `sandbox/aws_account.py` calls them all.
"""

from __future__ import annotations

from . import (
    accounts,
    certificates,
    endpoints,
    load_balancing,
    metric_filters,
    peering,
    prefix_lists,
    regions,
    vpcs,
    vpn,
)


def apply() -> None:
    """Correct moto in this process."""
    accounts.apply()
    regions.apply()
    prefix_lists.apply()
    vpcs.apply()
    endpoints.apply()
    peering.apply()
    vpn.apply()
    load_balancing.apply()
    certificates.apply()
    metric_filters.apply()
