"""What a policy of a resource or of a VPC endpoint says to one request, as IAM would evaluate it.

Source: IAM User Guide, "Policy evaluation logic", "JSON policy elements: Condition operators" and "Conditions with
multiple context keys or values".
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final

Values = str | Sequence[str]

NEGATED: Final = frozenset(
    ["stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotequals", "arnnotlike", "notipaddress"]
)
"""True when the key is absent; every other operator is false then."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as IAM sees it.

    Attributes:
        action: `service:Name`; case does not matter.
        resource: ARN, or `*` for an action that knows no resources.
        principal: ARN of the caller; its account is told by the ARN.
        service: the caller is an AWS service, such as `cloudtrail.amazonaws.com`.
        context: condition key -> value or values; a key that is not here is absent.
    """

    action: str
    resource: str
    principal: str = ""
    service: str = ""
    context: Mapping[str, Values] = field(default_factory=dict)


def allows(policy: str | Mapping[str, Any], request: Request) -> bool:
    """Whether the policy allows: some statement does, and none denies.

    Raises:
        ValueError: the document uses what is not understood here; guessing would be no evaluation.
    """
    document = json.loads(policy) if isinstance(policy, str) else policy
    effects = {
        statement["Effect"] for statement in _items(document["Statement"]) if matches_statement(statement, request)
    }
    if strange := effects - {"Allow", "Deny"}:
        raise ValueError(f"effects {sorted(strange)}")
    return "Allow" in effects and "Deny" not in effects


def matches_statement(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether all elements of a statement hold for the request."""
    known = {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
    if strange := set(statement) - known:
        raise ValueError(f"elements {sorted(strange)}")
    return (
        _element(statement, "Principal", lambda value: _principal(value, request))
        and _element(statement, "Action", lambda value: _any_like(value, request.action, ignore_case=True))
        and _element(statement, "Resource", lambda value: _any_arn_like(value, request.resource))
        and _conditions(statement.get("Condition", {}), request.context)
    )


def _element(statement: Mapping[str, Any], name: str, holds: Callable[[Any], bool]) -> bool:
    """An element, its `Not…` twin, or neither: identity policies have no principal, trust policies no resource."""
    if name in statement and f"Not{name}" in statement:
        raise ValueError(f"{name} and Not{name} in one statement")
    if f"Not{name}" in statement:
        return not holds(statement[f"Not{name}"])
    return name not in statement or holds(statement[name])


def _principal(value: Any, request: Request) -> bool:
    if value == "*":
        return True
    if not isinstance(value, Mapping):
        raise ValueError(f"Principal {value!r}")
    account = request.principal.split(":")[4] if request.principal else ""
    for kind, names in value.items():
        for name in _items(names):
            if kind == "Service" and name == request.service:
                return True
            if kind == "AWS" and not request.service and _is_caller(name, request.principal, account):
                return True
            if kind not in ("Service", "AWS", "Federated", "CanonicalUser"):
                raise ValueError(f"Principal of kind {kind!r}")
    return False


def _is_caller(name: str, principal: str, account: str) -> bool:
    """Everybody, the whole account by number or root, or exactly one ARN; ARNs of principals have no wildcards."""
    if name == "*":
        return True
    if re.fullmatch(r"\d{12}", name):
        return name == account
    if name.endswith(":root"):
        return name.split(":")[4] == account
    if "*" in name:
        raise ValueError(f"a wildcard in the principal {name!r}")
    return name == principal


def _conditions(conditions: Mapping[str, Mapping[str, Values]], context: Mapping[str, Values]) -> bool:
    """Every operator and key must hold; several values of one key are alternatives."""
    present = {key.lower(): value for key, value in context.items()}
    return all(
        _condition(operator, key, [str(value) for value in _items(values)], present.get(key.lower()))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _condition(operator: str, key: str, wanted: list[str], found: Values | None) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    name = plain.lower()
    if if_exists := name.endswith("ifexists"):
        name = name.removesuffix("ifexists")
    if quantifier.lower() not in ("", "foranyvalue", "forallvalues"):
        raise ValueError(f"operator {operator!r}")
    if name == "null":
        return any((found is None) == (value.lower() == "true") for value in wanted)
    test = _operator(name)
    if found is None:
        return if_exists or (quantifier.lower() == "forallvalues") or (not quantifier and name in NEGATED)
    values = _items(found)
    if not quantifier and len(values) != 1:
        raise ValueError(f"{key} has several values, and {operator!r} no quantifier")
    holds = [_one(test, name in NEGATED, wanted, str(value)) for value in values]
    return any(holds) if quantifier.lower() == "foranyvalue" else all(holds)


def _one(test: Callable[[str, str], bool], negated: bool, wanted: Iterable[str], found: str) -> bool:
    """One value against alternatives: any of them, or for a negated operator none."""
    matched = any(test(pattern, found) for pattern in wanted)
    return not matched if negated else matched


def _operator(name: str) -> Callable[[str, str], bool]:
    """How an operator compares a wanted and a found value; negated ones share their positive twin's."""
    tests: dict[str, Callable[[str, str], bool]] = {
        "stringequals": lambda wanted, found: wanted == found,
        "stringequalsignorecase": lambda wanted, found: wanted.lower() == found.lower(),
        "stringlike": _like,
        "arnequals": _arn_like,
        "arnlike": _arn_like,
        "ipaddress": lambda wanted, found: ip_address(found) in ip_network(wanted),
        "numericlessthan": lambda wanted, found: float(found) < float(wanted),
        "bool": lambda wanted, found: wanted.lower() == found.lower(),
    }
    positive = name.replace("not", "", 1) if name in NEGATED else name
    if positive not in tests:
        raise ValueError(f"operator {name!r}")
    return tests[positive]


def _any_like(patterns: Any, value: str, *, ignore_case: bool) -> bool:
    if ignore_case:
        return any(_like(pattern.lower(), value.lower()) for pattern in _items(patterns))
    return any(_like(pattern, value) for pattern in _items(patterns))


def _any_arn_like(patterns: Any, value: str) -> bool:
    """In `Resource` a star also crosses colons, unlike in conditions on ARNs."""
    return _any_like(patterns, value, ignore_case=False)


def _arn_like(pattern: str, value: str) -> bool:
    """Each of the six parts of an ARN is matched by itself."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(found) and all(map(_like, wanted, found))


def _like(pattern: str, value: str) -> bool:
    """`*` is any text and `?` any character; nothing else is special, brackets least of all."""
    parts = [".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern]
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
