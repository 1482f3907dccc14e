"""What every section of the settings shares: strictness, and the kinds of text that occur in many of them."""

from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, StringConstraints

from components.catalog.regions import EU_REGIONS

SECTION: Final = ConfigDict(frozen=True, extra="forbid", strict=True)
"""Every section is read-only, refuses unknown keys and never turns one type into another."""


def _inside_eu(region: str) -> str:
    if region not in EU_REGIONS:
        raise ValueError(f"{region!r} is outside the EU; use one of {', '.join(EU_REGIONS)}")
    return region


EntryName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
"""A key under `node_pools:`, `models:`, `clients:` and the like: it becomes part of resource names."""
AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
Region = Annotated[str, AfterValidator(_inside_eu)]
StackName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
PrincipalArn = Annotated[str, StringConstraints(pattern=r"^arn:aws(-eusc)?:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
