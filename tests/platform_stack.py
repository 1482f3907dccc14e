"""The platform of the rehearsal, planned once for all tests that ask about it."""

import json
from functools import cache

import yaml

from components.layers import LAYERS
from components.settings.layer import PlatformSettings
from components.settings.load import CONFIG_KEY, stack_file
from tests.plan import Plan, plan

PUBLIC_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
ANSWERS = {"aws:kms/getPublicKey:getPublicKey": {"publicKey": PUBLIC_KEY}}
PEER = {"account_id": "444455556666", "region": "eu-west-1", "vpc_id": "vpc-0a90a90a90a90a90a", "cidr": "10.90.0.0/16"}


def settings(**changes: object) -> PlatformSettings:
    """Settings of the stack platform-rehearsal, with some keys changed."""
    document = yaml.safe_load(stack_file("platform-rehearsal").read_text(encoding="utf-8"))
    return PlatformSettings.model_validate_json(json.dumps({**document["config"][CONFIG_KEY], **changes}))


@cache
def platform(*, preview: bool = False, peered: bool = False) -> Plan:
    """What the platform plans.

    Args:
        preview: nothing exists yet.
        peered: with one peer network.
    """
    chosen = settings(network={"cidr": "10.42.0.0/16", "peerings": {"apps": PEER}}) if peered else settings()
    return plan(lambda: LAYERS["platform"](chosen), preview=preview, answers=ANSWERS)
