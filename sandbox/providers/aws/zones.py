"""Availability zones that moto does not know: the Sovereign Cloud's, and those that a test asks for."""

from __future__ import annotations

import os
import string
from typing import Final

from sandbox.providers.serve import ProviderError

VARIABLE: Final = "CLOISTER_SANDBOX_ZONES"
"""Number of zones, from `a` on, that every region has at least; no region of the EU really has six."""

_SOVEREIGN: Final = {"eusc-de-east-1": 3}


def added_zones(region: str) -> tuple[str, ...]:
    """Names of the zones that the region has in any case, beside those that moto gives it.

    Raises:
        ProviderError: the variable holds no number from 1 to 26.
    """
    text = os.environ.get(VARIABLE, "0")
    if not text.isdecimal() or int(text) > len(string.ascii_lowercase):
        raise ProviderError(f"{VARIABLE}: '{text}' is not a number of zones; use 1 to 26")
    count = max(int(text), _SOVEREIGN.get(region, 0))
    return tuple(f"{region}{letter}" for letter in string.ascii_lowercase[:count])
