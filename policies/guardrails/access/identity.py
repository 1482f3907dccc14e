"""Roles: who may assume them, and what they may do."""

from collections.abc import Iterator
from typing import Any

from ..arns import parse_arn
from ..findings import Resource, each, items, known
from ..iam import Statement, admits_everything, statements, strangers
from ..rules import Rule, rule

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_ROLE = "aws:iam/role:Role"
_POLICY_TYPES = (_ROLE, "aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy")

# Actions that would undo a promise of this pack behind Pulumi's back.
_PERIMETER = (
    "account:EnableRegion",
    "cloudtrail:DeleteTrail",
    "cloudtrail:StopLogging",
    "ec2:AcceptVpcEndpointConnections",
    "ec2:AcceptVpcPeeringConnection",
    "ec2:AllocateAddress",
    "ec2:AssociateAddress",
    "ec2:AttachInternetGateway",
    "ec2:AttachVpnGateway",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:CreateEgressOnlyInternetGateway",
    "ec2:CreateInternetGateway",
    "ec2:CreateNatGateway",
    "ec2:CreateNetworkAclEntry",
    "ec2:CreateRoute",
    "ec2:CreateTransitGatewayVpcAttachment",
    "ec2:CreateVpcPeeringConnection",
    "ec2:CreateVpnConnection",
    "ec2:CreateVpnConnectionRoute",
    "ec2:EnableVgwRoutePropagation",
    "ec2:ModifySnapshotAttribute",
    "ec2:ModifyImageAttribute",
    "ec2:ModifyVpcBlockPublicAccessOptions",
    "ec2:ModifyVpcEndpoint",
    "ec2:ModifyVpcEndpointServicePermissions",
    "ec2:ReplaceNetworkAclEntry",
    "ec2:ReplaceRoute",
    "ecr:SetRepositoryPolicy",
    "ecr:PutReplicationConfiguration",
    "eks:UpdateClusterConfig",
    "iam:AttachRolePolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "kms:PutKeyPolicy",
    "kms:ReplicateKey",
    "kms:ScheduleKeyDeletion",
    "organizations:LeaveOrganization",
    "route53resolver:DeleteFirewallRule",
    "route53resolver:DisassociateFirewallRuleGroup",
    "route53resolver:UpdateFirewallConfig",
    "route53resolver:UpdateFirewallDomains",
    "route53resolver:UpdateFirewallRule",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutReplicationConfiguration",
    "secretsmanager:PutResourcePolicy",
)
_MANAGED_POLICIES = frozenset(
    {
        "AmazonEBSCSIDriverPolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEKSClusterPolicy",
        "AmazonEKSVPCResourceController",
        "AmazonEKSWorkerNodeMinimalPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonSSMManagedInstanceCore",
        "CloudWatchAgentServerPolicy",
    }
)


def identity_statements(resource: Resource) -> Iterator[tuple[str, Statement]]:
    """The statements of every policy that a role or policy resource carries, with their path."""
    policies: list[tuple[str, Any]] = []
    if "policy" in list(resource.props):
        policies.append(("policy", resource.get("policy")))
    policies += [(f"{path}.policy", entry.get("policy")) for path, entry in each(resource.props, "inlinePolicies")]
    for path, policy in policies:
        for index, statement in enumerate(statements(policy)):
            yield f"{path} statement {index}", statement


@rule(
    _ROLE,
    fix="Name an AWS service, an own principal, or one that estate.yaml lists.",
    source=f"{_IAM}id_roles_update-role-trust-policy.html",
    severity="critical",
)
def access_role_trusts_known_principals(role: Resource) -> Iterator[str]:
    """A role is assumed by AWS services and by principals of the estate only."""
    for index, statement in enumerate(statements(role.get("assumeRolePolicy"))):
        for problem in strangers(statement, role.estate):
            yield f"assumeRolePolicy statement {index}: {problem}"


@rule(
    *_POLICY_TYPES,
    fix="List the actions.",
    source=f"{_IAM}best-practices.html#grant-least-privilege",
    severity="critical",
)
def access_policy_lists_its_actions(resource: Resource) -> Iterator[str]:
    """A policy lists the actions it allows, without NotAction, `*` or a whole service."""
    for path, statement in identity_statements(resource):
        if not statement.allows:
            continue
        if statement.excludes_actions:
            yield f"{path} allows everything but a list (NotAction)"
        elif admits_everything(statement.actions):
            yield f"{path} allows every action"
        else:
            yield from (f"{path} allows {action}" for action in statement.actions if action.endswith(":*"))


@rule(
    *_POLICY_TYPES,
    fix="Remove the action; Pulumi's own role changes the perimeter.",
    source="https://github.com/aws-samples/service-control-policy-examples",
    severity="critical",
)
def access_policy_keeps_the_perimeter(resource: Resource) -> Iterator[str]:
    """No role may open the network, publish data, or change who may."""
    for path, statement in identity_statements(resource):
        opened = [action for action in _PERIMETER if statement.grants(action)]
        if opened:
            yield f"{path} allows {', '.join(opened[:3])}"


@rule(*_POLICY_TYPES, fix="Name the roles.", source=f"{_IAM}id_roles_use_passrole.html")
def access_policy_names_its_roles(resource: Resource) -> Iterator[str]:
    """A role that may assume or pass roles names them."""
    for path, statement in identity_statements(resource):
        acts = [action for action in ("sts:AssumeRole", "iam:PassRole") if statement.grants(action)]
        if acts and (statement.excludes_resources or any(_every_role(value) for value in statement.resources)):
            yield f"{path} allows {acts[0]} on every role"


@rule(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    _ROLE,
    fix="Attach an own policy, or one of AWS's that the rule lists.",
    source=f"{_IAM}access_policies_managed-vs-inline.html",
)
def access_attached_policy_is_listed(resource: Resource) -> Iterator[str]:
    """Only listed policies of AWS are attached to roles."""
    attached = [known(resource.props, "policyArn"), *items(known(resource.props, "managedPolicyArns"))]
    for value in attached:
        arn = parse_arn(value)
        if arn is not None and arn.account == "aws" and arn.resource.rpartition("/")[2] not in _MANAGED_POLICIES:
            yield f"policy {value!r} is not listed"


def _every_role(resource: str) -> bool:
    return not resource.partition(":role/")[2].strip("*?")


RULES: tuple[Rule, ...] = (
    access_role_trusts_known_principals,
    access_policy_lists_its_actions,
    access_policy_keeps_the_perimeter,
    access_policy_names_its_roles,
    access_attached_policy_is_listed,
)
