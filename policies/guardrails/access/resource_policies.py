"""Policies on resources: buckets, keys, repositories, secrets, topics, queues, endpoint services."""

from collections.abc import Iterator

from ..arns import may_connect
from ..findings import Resource, document, each, given
from ..iam import Statement, admits_everything, covers_every_action, statements, strangers
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html"


@rule(
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucket:Bucket",
    "aws:kms/key:Key",
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:secretsmanager/secret:Secret",
    "aws:sns/topic:Topic",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queue:Queue",
    fix="Name own principals, or hold callers to the organisation by aws:PrincipalOrgID or aws:PrincipalAccount.",
    source=_SOURCE,
    severity="critical",
)
def access_resource_policy_admits_known_callers(resource: Resource) -> Iterator[str]:
    """A policy on a resource admits AWS services and principals of the estate only."""
    for index, statement in enumerate(statements(resource.get("policy"))):
        for problem in strangers(statement, resource.estate):
            yield f"policy statement {index}: {problem}"


@rule(
    "aws:s3/bucketPolicy:BucketPolicy",
    fix="Deny s3:* to everybody where aws:SecureTransport is false, on the bucket and on its objects.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
)
def access_bucket_asks_for_tls(policy: Resource) -> Iterator[str]:
    """A bucket's policy refuses every call that does not come by TLS."""
    if not any(_refuses_plain_calls(statement) for statement in statements(policy.get("policy"))):
        yield "policy does not deny calls without TLS"


def _refuses_plain_calls(statement: Statement) -> bool:
    plain = all(
        (condition.operator, condition.key) == ("bool", "aws:securetransport")
        and [value.lower() for value in condition.values] == ["false"]
        for condition in statement.conditions
    )
    return (
        not statement.allows
        and plain
        and ("AWS", "*") in statement.principals
        and not statement.excludes_principals
        and not statement.excludes_resources
        and covers_every_action(statement, "s3")
        and any(resource.endswith("/*") or admits_everything([resource]) for resource in statement.resources)
        and any(not resource.endswith("/*") for resource in statement.resources)
    )


@rule(
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    fix="Set blockPublicPolicy to true.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html",
)
def access_secret_policy_is_checked(policy: Resource) -> Iterator[str]:
    """Secrets Manager itself checks that a secret's policy is not public."""
    if policy.get("blockPublicPolicy") is not True:
        yield "blockPublicPolicy is not true"


@rule(
    "aws:ec2/vpcEndpointService:VpcEndpointService",
    fix="List principals of the estate, or the root of an own or a peer's account, and set acceptanceRequired to true.",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html",
    severity="critical",
)
def access_endpoint_service_admits_known_callers(service: Resource) -> Iterator[str]:
    """An endpoint service is offered to principals of the estate, and each connection is accepted by hand."""
    for path, principal in each(service.props, "allowedPrincipals"):
        if not may_connect(principal, service.estate):
            yield f"{path} {principal!r} is not in the estate"
    if service.get("acceptanceRequired") is not True:
        yield "acceptanceRequired is not true"
    for path, kind in each(service.props, "supportedIpAddressTypes"):
        if kind != "ipv4":
            yield f"{path} is {kind!r}"
    if given(service.props, "gatewayLoadBalancerArns"):
        yield "gatewayLoadBalancerArns is set: such a service takes whole packets, not calls of the gateway"


@rule(
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    fix="Give a list of rules.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html",
    severity="medium",
)
def access_lifecycle_policy_is_readable(policy: Resource) -> Iterator[str]:
    """A repository's lifecycle policy is a JSON document with rules."""
    found = document(policy.get("policy"))
    if not found or not found.get("rules"):
        yield "policy has no rules"


RULES: tuple[Rule, ...] = (
    access_resource_policy_admits_known_callers,
    access_bucket_asks_for_tls,
    access_secret_policy_is_checked,
    access_endpoint_service_admits_known_callers,
    access_lifecycle_policy_is_readable,
)
