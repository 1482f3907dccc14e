"""A small evaluator of JSON policies: who may do what, and which conditions really narrow it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .arns import is_account, is_own_bucket, parse_arn
from .facts import AWS_BUCKET, EKS_REGISTRY_ACCOUNTS
from .findings import document, items
from .owner import Estate

# Conditions that are false when the key is absent. Others (Not…, …IfExists, ForAllValues:, Null) narrow nothing surely.
_POSITIVE = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress", "bool"}
)
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Condition"}
    | {f"{no}{name}" for no in ("", "Not") for name in ("Principal", "Action", "Resource")}
)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.(com|eu)")
_REGIONAL_SERVICE = re.compile(r"[a-z0-9.-]+?\.(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d)\.amazonaws\.(com|eu)")


@dataclass(frozen=True)
class Condition:
    """One operator, key and its accepted values, in lower case but for the values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; actions are in lower case."""

    allows: bool
    principals: tuple[tuple[str, str], ...]
    names_principals: bool
    excludes_principals: bool
    actions: tuple[str, ...]
    excludes_actions: bool
    resources: tuple[str, ...]
    excludes_resources: bool
    conditions: tuple[Condition, ...]

    def narrowed(self, key: str, accepts: Callable[[str], bool]) -> bool:
        """Whether a condition certainly holds a key to accepted values."""
        return any(
            condition.key == key
            and condition.operator in _POSITIVE
            and bool(condition.values)
            and all(accepts(value) for value in condition.values)
            for condition in self.conditions
        )

    def grants(self, action: str) -> bool:
        """Whether an Allow covers an action such as `s3:PutObject`."""
        if not self.allows:
            return False
        covered = any(_like(pattern).fullmatch(action.lower()) for pattern in self.actions)
        return not covered if self.excludes_actions else covered


@lru_cache(maxsize=4096)
def _like(pattern: str) -> re.Pattern[str]:
    """How IAM compares: `*` is any text and `?` any character; nothing else is special, brackets least of all."""
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)


def statements(value: Any) -> tuple[Statement, ...]:
    """The statements of a policy given as JSON text or as an object.

    Raises:
        ValueError: when it is not a policy.
    """
    policy = document(value)
    if policy is None:
        return ()
    if not isinstance(policy, Mapping) or "Statement" not in policy:
        raise ValueError("not a policy document")
    return tuple(_statement(entry) for entry in items(policy["Statement"]))


def _statement(entry: Any) -> Statement:
    if not isinstance(entry, Mapping) or entry.get("Effect") not in ("Allow", "Deny"):
        raise ValueError("a statement needs Effect Allow or Deny")
    if strange := set(entry) - _ELEMENTS:
        raise ValueError(f"a statement has no element {sorted(strange)[0]}")
    if any(name in entry and f"Not{name}" in entry for name in ("Principal", "Action", "Resource")):
        raise ValueError("a statement names what it is about and what it is not about")
    excludes_principals = "NotPrincipal" in entry
    excludes_actions = "NotAction" in entry
    excludes_resources = "NotResource" in entry
    return Statement(
        allows=entry["Effect"] == "Allow",
        principals=tuple(_principals(entry.get("NotPrincipal" if excludes_principals else "Principal"))),
        names_principals="Principal" in entry or excludes_principals,
        excludes_principals=excludes_principals,
        actions=tuple(str(a).lower() for a in items(entry.get("NotAction" if excludes_actions else "Action"))),
        excludes_actions=excludes_actions,
        resources=tuple(str(r) for r in items(entry.get("NotResource" if excludes_resources else "Resource"))),
        excludes_resources=excludes_resources,
        conditions=tuple(_conditions(entry.get("Condition"))),
    )


def _principals(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for kind in value:
            yield from ((str(kind), str(name)) for name in items(value[kind]))
    else:
        yield from (("AWS", str(name)) for name in items(value))


def _conditions(value: Any) -> Iterator[Condition]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ValueError("Condition must be an object")
    for operator in value:
        for key in value[operator]:
            values = tuple(str(v) for v in items(value[operator][key]))
            # ForAnyValue is false when the key is absent, as a plain operator is.
            yield Condition(str(operator).lower().removeprefix("foranyvalue:"), str(key).lower(), values)


def callers_are_own(statement: Statement, estate: Estate) -> bool:
    """Whether conditions hold the caller to the organisation, whoever the principal is."""
    return (
        statement.narrowed("aws:principalorgid", lambda value: value == estate.organisation)
        or statement.narrowed("aws:sourceorgid", lambda value: value == estate.organisation)
        or statement.narrowed("aws:principalaccount", lambda value: value in estate.accounts)
        or statement.narrowed("aws:sourceaccount", lambda value: value in estate.accounts)
        or statement.narrowed("kms:calleraccount", lambda value: value in estate.accounts)
        or statement.narrowed("aws:principalarn", lambda value: _is_own_arn(value, estate))
        or statement.narrowed("aws:sourcearn", lambda value: _is_own_arn(value, estate))
        or statement.narrowed("aws:sourcevpce", lambda value: re.fullmatch(r"vpce-[0-9a-f]+", value) is not None)
        or statement.narrowed("aws:sourcevpc", lambda value: re.fullmatch(r"vpc-[0-9a-f]+", value) is not None)
    )


def resources_are_own(statement: Statement, estate: Estate) -> bool:
    """Whether a statement reaches only resources of the organisation, or reads only what AWS gives to nodes."""
    if statement.narrowed("aws:resourceorgid", lambda value: value == estate.organisation):
        return True
    if statement.narrowed("aws:resourceaccount", lambda value: value in estate.accounts):
        return True
    reads_images = all(action.startswith(("ecr:get", "ecr:batch", "ecr:describe")) for action in statement.actions)
    if reads_images and statement.narrowed(
        "aws:resourceaccount", lambda value: value in estate.accounts | EKS_REGISTRY_ACCOUNTS
    ):
        return True
    if statement.excludes_resources or not statement.resources:
        return False
    return (
        all(_is_own_resource(resource, reads_images, estate) for resource in statement.resources)
        or is_aws_read(statement, estate)
        or _is_published_by_aws(statement, estate)
    )


def is_aws_read(statement: Statement, estate: Estate) -> bool:
    """Whether a statement only reads AWS's own buckets (image layers, packages) in allowed regions."""

    def of_aws(resource: str) -> bool:
        found = AWS_BUCKET.fullmatch(resource)
        return found is not None and (found["ecr"] or found["repos"]) in estate.regions

    return (
        not statement.excludes_actions
        and not statement.excludes_resources
        and bool(statement.resources)
        and set(statement.actions) == {"s3:getobject"}
        and all(of_aws(resource) for resource in statement.resources)
    )


def _is_published_by_aws(statement: Statement, estate: Estate) -> bool:
    """Whether a statement only starts machines from Amazon's own images, or reads Amazon's own public parameters."""
    arns = [parse_arn(resource) for resource in statement.resources]
    if statement.excludes_actions or not all(arn and not arn.account and arn.region in estate.regions for arn in arns):
        return False
    kinds = {(arn.service, arn.resource.partition("/")[0]) for arn in arns if arn is not None}
    if kinds <= {("ec2", "image"), ("ec2", "snapshot")}:
        return set(statement.actions) <= {"ec2:runinstances", "ec2:createfleet"} and statement.narrowed(
            "ec2:owner", lambda value: value == "amazon"
        )
    return set(statement.actions) <= {"ssm:getparameter", "ssm:getparameters"} and all(
        arn is not None and arn.service == "ssm" and arn.resource.startswith("parameter/aws/service/") for arn in arns
    )


def strangers(statement: Statement, estate: Estate) -> Iterator[str]:
    """The principals of an Allow that are neither the organisation's nor a service of AWS, each with the reason."""
    if not statement.allows or not statement.names_principals:
        return
    if statement.excludes_principals:
        yield "NotPrincipal with Allow admits everybody else"
        return
    for kind, name in statement.principals:
        if kind == "Service" and not _SERVICE.fullmatch(name):
            yield f"service {name!r} is no service of AWS"
        elif kind == "Service":
            region = _REGIONAL_SERVICE.fullmatch(name)
            if region is not None and region["region"] not in estate.regions:
                yield f"service {name} is outside the allowed regions"
            yield from (f"service {name} may act for {sender!r}" for sender in _foreign_senders(statement, estate))
        elif kind == "Federated":
            if not _is_own_arn(name, estate):
                yield f"identity provider {name!r} is not the organisation's"
            elif not _names_subjects(statement):
                yield f"identity provider {name!r} may send anybody: no condition names a subject"
        elif kind == "AWS" and name == "*":
            if not callers_are_own(statement, estate):
                yield "everybody is admitted: no condition holds the caller to the organisation"
        elif kind == "AWS":
            if not (name in estate.accounts if is_account(name) else _is_own_arn(name, estate)):
                yield f"principal {name!r} is not the organisation's"
        else:
            yield f"principal of kind {kind!r} is not accepted"


def _names_subjects(statement: Statement) -> bool:
    """Whether a condition holds the subject of a federated identity to values that begin with something."""
    return any(
        condition.key.endswith((":sub", ":namequalifier"))
        and condition.operator in _POSITIVE
        and bool(condition.values)
        and not any(value[:1] in ("*", "?", "") for value in condition.values)
        for condition in statement.conditions
    )


def _foreign_senders(statement: Statement, estate: Estate) -> Iterator[str]:
    """Whom a condition lets a service act for, beside the organisation; without a condition the service decides."""
    for condition in statement.conditions:
        accepts = _SENDERS.get(condition.key)
        if accepts is not None and condition.operator.removesuffix("ifexists") in _POSITIVE:
            yield from (value for value in condition.values if not accepts(value, estate))


_SENDERS: Mapping[str, Callable[[str, Estate], bool]] = {
    "aws:sourceaccount": lambda value, estate: value in estate.accounts,
    "aws:sourceowner": lambda value, estate: value in estate.accounts,
    "aws:sourceorgid": lambda value, estate: value == estate.organisation,
    "aws:sourcearn": lambda value, estate: _is_own_sender(value, estate),
}


def _is_own_sender(value: str, estate: Estate) -> bool:
    """Whether a source belongs to an own account; buckets and the like have no account in their ARN."""
    arn = parse_arn(value)
    return arn is not None and (arn.account in estate.accounts or (not arn.account and is_own_bucket(value, estate)))


def _is_own_arn(value: str, estate: Estate) -> bool:
    arn = parse_arn(value)
    return arn is not None and (arn.account in estate.accounts or value in estate.principals)


def _is_own_resource(value: str, reads_images: bool, estate: Estate) -> bool:
    arn = parse_arn(value)
    if arn is None:
        return False
    return arn.account in estate.accounts or (reads_images and arn.account in EKS_REGISTRY_ACCOUNTS)


def covers_every_action(statement: Statement, service: str) -> bool:
    """Whether a statement is about every action of a service."""
    return not statement.excludes_actions and bool({"*", f"{service}:*"} & set(statement.actions))


def admits_everything(values: Sequence[str]) -> bool:
    """Whether a list of patterns holds one that matches everything."""
    return any(value.strip("*?") == "" for value in values)
