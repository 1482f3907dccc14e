"""What the stand-in knows of each resource type: the operation that creates it, names, identifiers, what replaces it.

Source: `operation` names botocore's service model. `immutable` follows the Terraform AWS provider's schemas
(`ForceNew`) as its documentation describes them ("Forces new resource", "Changing this creates a new resource"),
written down from knowledge of them, since the Pulumi SDK does not carry the fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .cluster import CLUSTER
from .connections import CONNECTIONS
from .identity import IDENTITY
from .kind import UNLISTED, Kind
from .load_balancing import LOAD_BALANCING
from .names import NAMES
from .network import NETWORK
from .observability import OBSERVABILITY
from .storage import STORAGE

TYPES: Final[Mapping[str, Kind]] = {
    **IDENTITY,
    **NETWORK,
    **CONNECTIONS,
    **LOAD_BALANCING,
    **NAMES,
    **OBSERVABILITY,
    **CLUSTER,
    **STORAGE,
}


def kind_of(type_token: str) -> Kind:
    """The facts of a type, or those of an unlisted one."""
    return TYPES.get(type_token, UNLISTED)
