"""What may be declared at all."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule
from ..types import is_allowed

_SOURCE = "https://www.pulumi.com/docs/iac/concepts/resources/names/#types"


@rule(
    "*",
    fix="If the type is wanted, add it to policies/guardrails/types.py together with the rules that guard it.",
    source=_SOURCE,
    severity="critical",
)
def supply_chain_type_is_known(resource: Resource) -> Iterator[str]:
    """Only resource types that the pack knows are declared."""
    estate = resource.estate
    if not is_allowed(
        resource.type,
        managed_endpoints=estate.managed_endpoints,
        on_premises=bool(estate.on_premises),
        organisation_policies=estate.organisation_policies,
    ):
        yield f"type {resource.type} is not on the allow-list"


@rule(
    "*",
    fix="Use the provider packages that estate.yaml lists under `providers`.",
    source=_SOURCE,
    severity="critical",
)
def supply_chain_package_is_listed(resource: Resource) -> Iterator[str]:
    """Only provider packages that the estate lists appear."""
    package = resource.type.split(":")[2 if resource.type.startswith("pulumi:providers:") else 0]
    managed = package == "pulumi-python" and resource.estate.managed_endpoints
    if package not in resource.estate.providers and not managed:
        yield f"package {package} is not listed"


@rule(
    "kubernetes:*",
    fix="Declare the object by its own class.",
    source="https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/",
    severity="critical",
)
def supply_chain_object_is_its_type(resource: Resource) -> Iterator[str]:
    """A Kubernetes object is of the kind that its type says: the provider goes by `apiVersion` and `kind` alone."""
    _, group, kind = resource.type.split(":")
    version = group.removeprefix("core/")
    if resource.get("apiVersion") not in (None, version):
        yield f"apiVersion is {resource.get('apiVersion')!r}"
    if resource.get("kind") not in (None, kind):
        yield f"kind is {resource.get('kind')!r}"


RULES: tuple[Rule, ...] = (
    supply_chain_type_is_known,
    supply_chain_package_is_listed,
    supply_chain_object_is_its_type,
)
