"""Managed endpoints: pinned models."""

import re
from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule
from ..types import MANAGED_ENDPOINT

_SOURCE = "https://huggingface.co/docs/inference-endpoints/security"


@rule(MANAGED_ENDPOINT, fix="Give the full commit of the lock file as revision.", source=_SOURCE)
def supply_chain_managed_model_is_pinned(endpoint: Resource) -> Iterator[str]:
    """A managed endpoint serves a model at a full commit, in a container of Hugging Face."""
    if not re.fullmatch(r"[0-9a-f]{40}", str(endpoint.get("revision"))):
        yield f"revision is {endpoint.get('revision')!r}"
    if endpoint.get("custom_image"):
        yield "custom_image is set"


RULES: tuple[Rule, ...] = (supply_chain_managed_model_is_pinned,)
