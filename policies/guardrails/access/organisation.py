"""Policies of AWS Organizations: they take rights away, from a named unit, and give nobody any."""

from collections.abc import Iterator

from ..facts import ACCOUNT, ORGANISATIONAL_UNIT
from ..findings import Resource
from ..iam import statements
from ..rules import Rule, rule

_KINDS = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_SOURCE = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html"


@rule(
    "aws:organizations/policy:Policy",
    fix="Write statements with Effect Deny only; AWS's own FullAWSAccess stays attached and allows.",
    source=_SOURCE,
    severity="critical",
)
def access_organisation_policy_only_denies(policy: Resource) -> Iterator[str]:
    """A policy of the organisation is a service or resource control policy, and every statement of it denies."""
    if policy.get("type") not in _KINDS:
        yield f"type is {policy.get('type')!r}"
    found = statements(policy.get("content"))
    if not found:
        yield "content holds no statement"
    for index, statement in enumerate(found):
        if statement.allows:
            yield f"content statement {index} allows"


@rule(
    "aws:organizations/policyAttachment:PolicyAttachment",
    fix="Attach it to an organisational unit or an account, a test unit first.",
    source="https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
)
def access_organisation_policy_names_a_unit(attachment: Resource) -> Iterator[str]:
    """A policy of the organisation is attached to a unit or an account, never to everything at once."""
    target = str(attachment.get("targetId"))
    if not ORGANISATIONAL_UNIT.fullmatch(target) and not ACCOUNT.fullmatch(target):
        yield f"targetId is {target!r}"


RULES: tuple[Rule, ...] = (access_organisation_policy_only_denies, access_organisation_policy_names_a_unit)
