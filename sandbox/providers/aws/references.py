"""References to things that do not exist: identifiers, ARNs, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.providers.serve import UNKNOWN

from .account import Account
from .kept import Kept


class Missing(Exception):  # noqa: N818 - it is an answer, as AWS's "NotFound" codes are
    """Something that AWS would have named "not found"."""


_EC2_ID: Final = re.compile(
    r"(vpc|subnet|sg|rtb|acl|dopt|vpce|vpce-svc|pcx|vgw|cgw|vpn|lt|pl|igw|nat|eni)-[0-9a-f]{8,17}"
)
_EC2: Final[Mapping[str, tuple[str, str]]] = {
    "vpc": ("describe_vpcs", "VpcIds"),
    "subnet": ("describe_subnets", "SubnetIds"),
    "sg": ("describe_security_groups", "GroupIds"),
    "rtb": ("describe_route_tables", "RouteTableIds"),
    "acl": ("describe_network_acls", "NetworkAclIds"),
    "dopt": ("describe_dhcp_options", "DhcpOptionsIds"),
    "vpce": ("describe_vpc_endpoints", "VpcEndpointIds"),
    "pcx": ("describe_vpc_peering_connections", "VpcPeeringConnectionIds"),
    "vpce-svc": ("describe_vpc_endpoint_service_configurations", "ServiceIds"),
    "vgw": ("describe_vpn_gateways", "VpnGatewayIds"),
    "cgw": ("describe_customer_gateways", "CustomerGatewayIds"),
    "vpn": ("describe_vpn_connections", "VpnConnectionIds"),
    "lt": ("describe_launch_templates", "LaunchTemplateIds"),
    "pl": ("describe_managed_prefix_lists", "PrefixListIds"),
    "igw": ("describe_internet_gateways", "InternetGatewayIds"),
    "nat": ("describe_nat_gateways", "NatGatewayIds"),
    "eni": ("describe_network_interfaces", "NetworkInterfaceIds"),
}
_RESOLVER_ID: Final = re.compile(r"(rslvr-[a-z]+|rqlc)-[0-9a-f]{8,17}")
_TEXTS: Final = {
    "policy", "assumeRolePolicy", "inlinePolicies", "description", "tags", "tagsAll", "userData", "labels",
    "configurationValues", "kubernetesGroups",
}  # fmt: skip
"""Properties that hold text or documents, in which an identifier refers to nothing that must exist by now."""

_FOREIGN_VPC: Final = {"aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization"}
"""Types whose `vpcId` is another account's."""

_ACCESS_POLICIES: Final = {
    f"AmazonEKS{name}Policy" for name in ("Admin", "ClusterAdmin", "AdminView", "Edit", "View", "SecretReader")
}


def problems(account: Account, kept: Kept, type_token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """References into the account that lead nowhere, as (property path, message).

    Args:
        account: asked for what moto holds.
        kept: asked for what only the stand-in holds.
        type_token: whose own name is no reference.
        inputs: unknown values are passed over.
    """
    foreign_peer = inputs.get("peerOwnerId") not in (None, account.id)
    for path, name, value in strings(inputs):
        if (name == "peerVpcId" and foreign_peer) or (name == "vpcId" and type_token in _FOREIGN_VPC):
            continue
        if _is_missing_id(account, kept, value):
            yield path, f"'{value}' does not exist in {account.region}"
        elif value.startswith("arn:"):
            message = _arn(account, kept, value)
            if message:
                yield path, message
        elif name in ("bucket", "s3BucketName") and type_token != "aws:s3/bucket:Bucket":
            if not _has_bucket(account, value):
                yield path, f"bucket '{value}' does not exist"
        elif path == "zoneId":
            if not answers(lambda zone=value: account.client("route53").get_hosted_zone(Id=zone)):  # type: ignore[misc]
                yield path, f"hosted zone '{value}' does not exist"
        elif name == "clusterName" and kept.find("aws:eks/cluster:Cluster", value) is None:
            known = ", ".join(cluster.id for cluster in kept.of_type("aws:eks/cluster:Cluster")) or "none"
            yield path, f"cluster '{value}' does not exist; the account has {known}"


def strings(value: Any, path: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    """Every known text in the inputs with its path and the name of its property."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _TEXTS and not key.startswith("__"):
                yield from strings(item, f"{path}.{key}" if path else key, key)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from strings(item, f"{path}[{position}]", name)
    elif isinstance(value, str) and value and value != UNKNOWN:
        yield path, name, value


def answers(call: Callable[[], Any]) -> bool:
    """Whether a call to AWS gets an answer and no refusal."""
    try:
        call()
    except ClientError:
        return False
    return True


def _is_missing_id(account: Account, kept: Kept, value: str) -> bool:
    if match := _EC2_ID.fullmatch(value):
        return not _exists(account, match[1], value)
    return bool(_RESOLVER_ID.fullmatch(value)) and not any(resource.id == value for resource in kept.all())


def _has_bucket(account: Account, name: str) -> bool:
    return answers(lambda: account.client("s3").head_bucket(Bucket=name))


def _exists(account: Account, prefix: str, identifier: str) -> bool:
    operation, parameter = _EC2[prefix]
    try:
        answer = getattr(account.client("ec2"), operation)(**{parameter: [identifier]})
    except ClientError:
        return False
    lists = [value for key, value in answer.items() if key not in ("ResponseMetadata", "NextToken")]
    return any(not _is_deleted(item) for found in lists for item in found)


def _is_deleted(item: Mapping[str, Any]) -> bool:
    """Moto goes on describing what was deleted, as AWS does for a while."""
    state = item.get("State") or (item.get("Status") or {}).get("Code")
    return state == "deleted"


def _arn(account: Account, kept: Kept, arn: str) -> str | None:
    """Why an ARN leads nowhere; other accounts' things and wildcards are taken on trust."""
    if arn.count(":") < 5:
        return f"'{arn}' is not an ARN; it needs arn:partition:service:region:account:resource"
    _, partition, service, region, owner, resource = arn.split(":", 5)
    if partition != account.partition:
        return f"'{arn}' lies in partition {partition}; {account.region} is in {account.partition}"
    if "*" in resource.removesuffix(":*") or owner not in ("", "aws", account.id):
        return None
    found = _FINDERS.get(service)
    if found is None or (region not in ("", account.region)):
        return None
    return None if found(account, kept, arn, resource) else f"'{arn}' does not exist"


def _iam(account: Account, kept: Kept, arn: str, resource: str) -> bool:
    kind, _, rest = resource.partition("/")
    iam = account.client("iam")
    if kind == "role":
        return answers(lambda: iam.get_role(RoleName=rest.rsplit("/", 1)[-1]))
    return kind != "policy" or answers(lambda: iam.get_policy(PolicyArn=arn))


def _logs(account: Account, kept: Kept, arn: str, resource: str) -> bool:
    name = resource.removeprefix("log-group:").removesuffix(":*")
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in groups)


def _eks(account: Account, kept: Kept, arn: str, resource: str) -> bool:
    kind, _, name = resource.partition("/")
    if kind == "cluster-access-policy":
        return name in _ACCESS_POLICIES
    return kind != "cluster" or kept.find("aws:eks/cluster:Cluster", name) is not None


def _balancing(account: Account, kept: Kept, arn: str, resource: str) -> bool:
    elb, kind = account.client("elbv2"), resource.partition("/")[0]
    if kind == "loadbalancer":
        return answers(lambda: elb.describe_load_balancers(LoadBalancerArns=[arn]))
    return kind != "targetgroup" or answers(lambda: elb.describe_target_groups(TargetGroupArns=[arn]))


_FINDERS: Final[Mapping[str, Callable[[Account, Kept, str, str], bool]]] = {
    "iam": _iam,
    "kms": lambda account, kept, arn, resource: answers(lambda: account.client("kms").describe_key(KeyId=arn)),
    "s3": lambda account, kept, arn, resource: _has_bucket(account, resource.split("/")[0]),
    "logs": _logs,
    "eks": _eks,
    "acm": lambda account, kept, arn, resource: answers(
        lambda: account.client("acm").describe_certificate(CertificateArn=arn)
    ),
    "sns": lambda account, kept, arn, resource: answers(
        lambda: account.client("sns").get_topic_attributes(TopicArn=arn)
    ),
    "elasticloadbalancing": _balancing,
}
