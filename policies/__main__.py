"""Starts the policy pack; nothing may print before it, and it serves until the engine stops it."""

import sys

from guardrails import NAME, policies  # type: ignore[import-not-found]
from guardrails.owner import load_estate  # type: ignore[import-not-found]
from guardrails.reader import EstateError  # type: ignore[import-not-found]
from pulumi_policy import EnforcementLevel, PolicyPack

try:
    estate = load_estate()
except EstateError as error:
    sys.exit(str(error))
PolicyPack(NAME, policies(estate), enforcement_level=EnforcementLevel.MANDATORY)
