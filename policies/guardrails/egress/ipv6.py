"""IPv6: its addresses are public, so nothing has any."""

from collections.abc import Iterator
from functools import lru_cache

from ..findings import Resource, first_key, last_key
from ..rules import Rule, rule

_DOCUMENTS = (
    "tags",
    "tagSpecifications",
    "defaultTags",
    "policy",
    "assumeRolePolicy",
    "inlinePolicies",
    "content",
    "description",
)
_OFF = frozenset({"", "false", "off", "disabled", "0", "0.0", "none"})
_BOTH = frozenset({"ipv6", "dualstack", "dualstack-without-public-ipv4"})
_DENIALS = ("egress[", "ingress[")


@rule(
    "aws:*",
    fix="Leave the field out; use ipv4.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-migrate-ipv6.html",
)
def egress_nothing_has_ipv6(resource: Resource) -> Iterator[str]:
    """No field of any resource asks for an IPv6 address, range or family."""
    for path in resource.unknowns:
        if _is_named(path):
            yield f"{path} is not known yet, so it cannot be proved"
    for path, leaf in resource.leaves:
        if first_key(path) in _DOCUMENTS:
            continue
        named = _is_named(path) and leaf is not None and str(leaf).lower() not in _OFF
        if (named or (isinstance(leaf, str) and leaf.lower() in _BOTH)) and not _is_denied(resource, path):
            yield f"{path} is {leaf!r}"


@lru_cache(maxsize=8192)
def _is_named(path: str) -> bool:
    return "ipv6" in last_key(path).lower()


def _is_denied(resource: Resource, path: str) -> bool:
    """Whether a field of a network ACL belongs to an entry that denies: those may name every address."""
    if not path.startswith(_DENIALS):
        return False
    entry = path.rpartition(".")[0]
    return any(place == f"{entry}.action" and leaf == "deny" for place, leaf in resource.leaves)


RULES: tuple[Rule, ...] = (egress_nothing_has_ipv6,)
