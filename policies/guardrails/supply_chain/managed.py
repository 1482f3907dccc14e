"""Managed endpoints: pinned models, in a container of Hugging Face, with no setting that no rule knows."""

import re
from collections.abc import Iterator

from ..findings import Resource
from ..pods import listed
from ..rules import Rule, rule
from ..types import MANAGED_ENDPOINT

_SOURCE = "https://huggingface.co/docs/inference-endpoints/security"
# Everything else that the API takes changes the container, its environment, its names or its caches.
_SETTINGS = listed(
    "accelerator instance_size instance_type max_replica min_replica name namespace private_link_account_id "
    "private_link_region region repository revision status type url vendor"
)


@rule(MANAGED_ENDPOINT, fix="Give the full commit of the lock file as revision.", source=_SOURCE)
def supply_chain_managed_model_is_pinned(endpoint: Resource) -> Iterator[str]:
    """A managed endpoint serves a repository of the hub at a full commit."""
    if not re.fullmatch(r"[0-9a-f]{40}", str(endpoint.get("revision"))):
        yield f"revision is {endpoint.get('revision')!r}"
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(endpoint.get("repository"))):
        yield f"repository is {endpoint.get('repository')!r}"


@rule(MANAGED_ENDPOINT, fix="Remove the setting, or guard it and list it in the rule.", source=_SOURCE)
def supply_chain_managed_endpoint_is_plain(endpoint: Resource) -> Iterator[str]:
    """A managed endpoint runs Hugging Face's own container: no image, command, variable or secret is given to it."""
    for key in endpoint.props:
        if key not in _SETTINGS and endpoint.props[key] not in (None, False, ""):
            yield f"{key} is set"


RULES: tuple[Rule, ...] = (supply_chain_managed_model_is_pinned, supply_chain_managed_endpoint_is_plain)
