"""The allow-list of resource types: what is not here is refused, whoever made it."""

import re
from typing import Final

from .facts import ROOMS

_AWS: Final = {
    "acm": "certificate",
    "backup": "plan",
    "cloudtrail": "trail",
    "cloudwatch": "logGroup logMetricFilter metricAlarm",
    "ebs": "encryptionByDefault",
    "ec2": "capacityReservation defaultNetworkAcl defaultRouteTable defaultSecurityGroup flowLog launchTemplate "
    "networkAcl networkInterface peeringConnectionOptions route routeTable routeTableAssociation securityGroup "
    "securityGroupRule subnet vpc vpcBlockPublicAccessOptions vpcDhcpOptions vpcDhcpOptionsAssociation vpcEndpoint "
    "vpcEndpointService vpcIpv4CidrBlockAssociation vpcPeeringConnection vpcPeeringConnectionAccepter",
    "ecr": "lifecyclePolicy repository repositoryPolicy",
    "eks": "accessEntry accessPolicyAssociation addon cluster nodeGroup podIdentityAssociation",
    "iam": "instanceProfile policy role rolePolicy rolePolicyAttachment",
    "kms": "alias key",
    "lb": "listener loadBalancer targetGroup",
    "route53": "record resolverEndpoint resolverFirewallConfig resolverFirewallDomainList resolverFirewallRule "
    "resolverFirewallRuleGroup resolverFirewallRuleGroupAssociation resolverQueryLogConfig "
    "resolverQueryLogConfigAssociation vpcAssociationAuthorization zone zoneAssociation",
    "s3": "bucket bucketLifecycleConfiguration bucketLogging bucketNotification bucketObjectLockConfiguration "
    "bucketOwnershipControls bucketPolicy bucketPublicAccessBlock bucketServerSideEncryptionConfiguration "
    "bucketVersioning",
    "secretsmanager": "secret secretPolicy secretRotation secretVersion",
    "sns": "topic topicPolicy",
    "sqs": "queue",
    "vpc": "securityGroupEgressRule securityGroupIngressRule",
    "amp": "ruleGroupNamespace scraper",
    "budgets": "budget",
    "codebuild": "project",
}
_KUBERNETES: Final = {
    "admissionregistration.k8s.io/v1": "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    "apps/v1": "DaemonSet Deployment StatefulSet",
    "batch/v1": "CronJob Job",
    "core/v1": "ConfigMap LimitRange Namespace PersistentVolume PersistentVolumeClaim ResourceQuota Secret Service "
    "ServiceAccount",
    "networking.k8s.io/v1": "NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
}
_DOCKER: Final = "container image network registryImage remoteImage tag volume"

COMPONENT: Final = re.compile(rf"cloister:({'|'.join(sorted(ROOMS))}):[A-Z][A-Za-z0-9]*")
MANAGED_ENDPOINT: Final = "pulumi-python:dynamic/huggingface:InferenceEndpoint"


def _token(module: str, name: str) -> str:
    return f"{module}/{name}:{name[0].upper()}{name[1:]}"


ALLOWED_TYPES: Final = frozenset(
    {_token(f"aws:{service}", name) for service, listed in _AWS.items() for name in listed.split()}
    | {f"kubernetes:{group}:{kind}" for group, listed in _KUBERNETES.items() for kind in listed.split()}
    | {_token("docker:index", name) for name in _DOCKER.split()}
    | {f"pulumi:providers:{package}" for package in ("aws", "docker", "kubernetes", "pulumi")}
    | {"pulumi:pulumi:Stack", "pulumi:pulumi:StackReference"}
)
# Only where the estate has networks outside AWS. Never an attachment or a propagation: routes are static and declared.
VPN_TYPES: Final = frozenset(
    _token("aws:ec2", name) for name in ("customerGateway", "vpnConnection", "vpnConnectionRoute", "vpnGateway")
)
# Only in the stack of an organisation's own security people: whoever may write these may take them away.
ORGANISATION_TYPES: Final = frozenset(_token("aws:organizations", name) for name in ("policy", "policyAttachment"))


def is_allowed(token: str, *, managed_endpoints: bool, on_premises: bool, organisation_policies: bool) -> bool:
    """Whether a resource type may appear at all."""
    if token in ALLOWED_TYPES or COMPONENT.fullmatch(token):
        return True
    if token in ORGANISATION_TYPES:
        return organisation_policies
    if token in VPN_TYPES:
        return on_premises
    return managed_endpoints and token in (MANAGED_ENDPOINT, "pulumi:providers:pulumi-python")
