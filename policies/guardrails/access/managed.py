"""Managed endpoints: private, by PrivateLink."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule
from ..types import MANAGED_ENDPOINT

_SOURCE = "https://huggingface.co/docs/inference-endpoints/security"


@rule(MANAGED_ENDPOINT, fix="Use type private and an own account for PrivateLink.", source=_SOURCE, severity="critical")
def access_managed_endpoint_is_private(endpoint: Resource) -> Iterator[str]:
    """A managed endpoint is reached from an own account's VPC only."""
    if endpoint.get("type") != "private":
        yield f"type is {endpoint.get('type')!r}"
    if endpoint.get("private_link_account_id") not in endpoint.estate.accounts:
        yield f"private_link_account_id is {endpoint.get('private_link_account_id')!r}"


RULES: tuple[Rule, ...] = (access_managed_endpoint_is_private,)
