"""Which fields of the known types may be used."""

from collections.abc import Iterator

from ..fields import REFUSED_FIELDS
from ..findings import Resource, given, known, names
from ..rules import Rule, rule


@rule(
    *REFUSED_FIELDS,
    fix="Leave the field out; if it is wanted, write the rule that guards it and take it off guardrails/fields.py.",
    source="https://www.pulumi.com/registry/packages/aws/api-docs/",
)
def supply_chain_field_is_judged(resource: Resource) -> Iterator[str]:
    """No resource uses a field that leads around the rules."""
    for field, effect in REFUSED_FIELDS[resource.type].items():
        value = known(resource.props, field)
        if names(resource.props, field) and value is not False and value != 0 and not _is_empty(resource, field):
            yield f"{field} is set: it {effect}"


def _is_empty(resource: Resource, field: str) -> bool:
    """Whether a field holds an empty list or section, which providers fill in."""
    value = known(resource.props, field)
    return value is not None and not isinstance(value, str | float | int | bool) and given(resource.props, field) == 0


RULES: tuple[Rule, ...] = (supply_chain_field_is_judged,)
