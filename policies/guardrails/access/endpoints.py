"""Endpoint policies: the data perimeter, own callers to own resources."""

from collections.abc import Iterator

from ..findings import Resource
from ..iam import admits_everything, callers_are_own, is_aws_read, resources_are_own, statements, strangers
from ..rules import Rule, rule

_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_SOURCE = "https://github.com/aws-samples/data-perimeter-policy-examples"


@rule(
    _ENDPOINT,
    fix="Give a policy: without it the endpoint allows everything.",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html",
    severity="critical",
)
def access_endpoint_has_a_policy(endpoint: Resource) -> Iterator[str]:
    """Every endpoint has a policy of its own."""
    if not statements(endpoint.get("policy")):
        yield "policy is not given"


@rule(
    _ENDPOINT,
    fix="Add StringEquals on aws:PrincipalOrgID or aws:PrincipalAccount to every Allow.",
    source=_SOURCE,
    severity="critical",
)
def access_endpoint_serves_own_callers(endpoint: Resource) -> Iterator[str]:
    """An endpoint serves callers of the organisation only, so that foreign credentials are of no use inside."""
    for index, statement in enumerate(statements(endpoint.get("policy"))):
        if not statement.allows or is_aws_read(statement, endpoint.estate):
            continue
        if statement.excludes_principals or statement.excludes_actions:
            yield f"policy statement {index} allows everything but a list"
        elif any(name == "*" for _, name in statement.principals) or not statement.principals:
            if not callers_are_own(statement, endpoint.estate):
                yield f"policy statement {index} holds no caller to the organisation"
        else:
            for problem in strangers(statement, endpoint.estate):
                yield f"policy statement {index}: {problem}"


@rule(
    _ENDPOINT,
    fix="Add StringEquals on aws:ResourceOrgID or aws:ResourceAccount to every Allow.",
    source=_SOURCE,
    severity="critical",
)
def access_endpoint_reaches_own_resources(endpoint: Resource) -> Iterator[str]:
    """An endpoint reaches resources of the organisation only, so that nothing can be written to others."""
    for index, statement in enumerate(statements(endpoint.get("policy"))):
        if statement.allows and not resources_are_own(statement, endpoint.estate):
            yield f"policy statement {index} reaches resources of others"


@rule(
    _ENDPOINT,
    fix="List the actions that callers inside need.",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html",
)
def access_endpoint_lists_its_actions(endpoint: Resource) -> Iterator[str]:
    """An endpoint's policy lists the actions it allows, never `*` or a whole service."""
    for index, statement in enumerate(statements(endpoint.get("policy"))):
        if not statement.allows:
            continue
        if statement.excludes_actions or not statement.actions or admits_everything(statement.actions):
            yield f"policy statement {index} allows every action"
        else:
            wide = [action for action in statement.actions if not action.partition(":")[2].strip("*?")]
            yield from (f"policy statement {index} allows {action}" for action in wide)


RULES: tuple[Rule, ...] = (
    access_endpoint_has_a_policy,
    access_endpoint_lists_its_actions,
    access_endpoint_serves_own_callers,
    access_endpoint_reaches_own_resources,
)
