"""Managed endpoints: in the EU."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule
from ..types import MANAGED_ENDPOINT

_SOURCE = "https://huggingface.co/docs/inference-endpoints/security"


@rule(
    MANAGED_ENDPOINT,
    fix="Use vendor aws and a region of the estate, for the endpoint and its PrivateLink.",
    source=_SOURCE,
    severity="critical",
)
def residency_managed_endpoint_is_in_the_eu(endpoint: Resource) -> Iterator[str]:
    """A managed endpoint runs, and is reached, in an allowed EU region of AWS."""
    if endpoint.get("vendor") != "aws":
        yield f"vendor is {endpoint.get('vendor')!r}"
    for key in ("region", "private_link_region"):
        if endpoint.get(key) not in endpoint.estate.regions:
            yield f"{key} is {endpoint.get(key)!r}"


RULES: tuple[Rule, ...] = (residency_managed_endpoint_is_in_the_eu,)
