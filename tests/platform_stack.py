"""The platform of the rehearsal, planned once for all tests that ask about it."""

import json
from functools import cache
from typing import Any, Final, Literal

import yaml

from components.layers import LAYERS
from components.settings.layer import PlatformSettings
from components.settings.load import CONFIG_KEY, stack_file
from tests.plan import Plan, plan

PUBLIC_KEY: Final = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
ANSWERS: Final = {"aws:kms/getPublicKey:getPublicKey": {"publicKey": PUBLIC_KEY}}
AUTHORITY: Final = "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/0c1015e7"
FRONT: Final = {"host_name": "inference.example.internal", "certificate_authority_arn": AUTHORITY}
PEER: Final = {"account_id": "444455556666", "vpc_id": "vpc-0a90a90a90a90a90a", "cidr": "10.90.0.0/16"}
NETWORKS: Final[dict[str, dict[str, Any]]] = {
    "bare": {"cidr": "10.42.0.0/16"},
    "peered": {"cidr": "10.42.0.0/16", "front": FRONT, "peerings": {"apps": PEER}},
    "everything": {
        "cidr": "10.42.0.0/16",
        "pod_cidr": "100.64.0.0/16",
        "uses": ["runner", "elastic-pool", "metrics", "secrets", "sessions", "traces"],
        "state_bucket": "cloister-state-111122223333-eu-central-1",
        "organisation": "o-cl0ister01",
        "front": FRONT,
        "peerings": {
            "apps": {**PEER, "services": ["sts"]},
            "tools": {
                "account_id": "111122223333",
                "vpc_id": "vpc-0b91b91b91b91b91b",
                "cidr": "10.91.0.0/16",
                "reaches": ["gateway", "kubernetes"],
            },
            "asked-us": {
                "account_id": "444455556666",
                "vpc_id": "vpc-0c92c92c92c92c92c",
                "cidr": "10.92.0.0/16",
                "connection_id": "pcx-0c92c92c92c92c92c",
            },
        },
        "private_link": {"principals": ["arn:aws:iam::444455556666:role/llm-consumer"]},
        "vpns": {
            "head-office": {"device_address": "198.51.100.7", "cidrs": ["10.200.0.0/16", "10.202.0.0/16"]},
        },
    },
}
"""What a platform's network may look like, from the least to all at once."""


def settings(**changes: object) -> PlatformSettings:
    """Settings of the stack platform-rehearsal, with some keys changed."""
    document = yaml.safe_load(stack_file("platform-rehearsal").read_text(encoding="utf-8"))
    return PlatformSettings.model_validate_json(json.dumps({**document["config"][CONFIG_KEY], **changes}))


@cache
def platform(network: Literal["bare", "peered", "everything"] = "bare", *, preview: bool = False) -> Plan:
    """What the platform plans.

    Args:
        network: one of `NETWORKS`.
        preview: nothing exists yet.
    """
    chosen = settings(network=NETWORKS[network])
    return plan(lambda: LAYERS["platform"](chosen), preview=preview, answers=ANSWERS)
