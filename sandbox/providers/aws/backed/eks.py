"""EKS clusters and node groups: the parts of them that live in EC2 and in the sandbox's Kubernetes API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import kubernetes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing
from sandbox.providers.serve import ProviderError

from .backing import Backing, Properties


def _create_cluster(account: Account, inputs: Properties) -> str:
    """A cluster needs subnets of two zones, and gets a security group of its own."""
    name, ec2 = inputs["name"], account.client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=inputs["vpcConfig"]["subnetIds"])["Subnets"]
    zones = sorted({subnet["AvailabilityZone"] for subnet in subnets})
    if len(zones) < 2:
        raise ProviderError(f"vpcConfig.subnetIds: the subnets lie in {zones}; EKS needs subnets of two zones or more")
    if _own_group(account, name):
        raise ProviderError(f"name: cluster '{name}' exists already")
    vpc = subnets[0]["VpcId"]
    group = ec2.create_security_group(
        GroupName=f"eks-cluster-sg-{name}", Description="EKS created security group", VpcId=vpc
    )["GroupId"]
    itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[itself])
    ec2.create_tags(Resources=[group], Tags=[{"Key": f"kubernetes.io/cluster/{name}", "Value": "owned"}])
    return str(name)


def _own_group(account: Account, name: str) -> dict[str, Any] | None:
    wanted = [{"Name": "group-name", "Values": [f"eks-cluster-sg-{name}"]}]
    groups = account.client("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"]
    return groups[0] if groups else None


def _read_cluster(account: Account, identifier: str) -> dict[str, Any]:
    group = _own_group(account, identifier)
    if group is None:
        raise Missing(f"cluster {identifier}")
    facts = kubernetes.cluster_facts()
    issuer = f"https://oidc.eks.{account.region}.{account.dns_suffix}/id/0123456789ABCDEF0123456789ABCDEF"
    return {
        "endpoint": facts["endpoint"],
        "certificateAuthority": {"data": facts["certificate_authority"]},
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "vpcConfig": {"clusterSecurityGroupId": group["GroupId"], "vpcId": group["VpcId"]},
    }


def _delete_cluster(account: Account, identifier: str, outputs: Properties) -> None:
    group = _own_group(account, identifier)
    if group is not None:
        account.client("ec2").delete_security_group(GroupId=group["GroupId"])


def _machine_type(account: Account, inputs: Properties) -> str:
    """The group's first instance type, or its launch template's, or EKS's default."""
    if inputs.get("instanceTypes"):
        return str(inputs["instanceTypes"][0])
    template = inputs.get("launchTemplate") or {}
    if template:
        named = {"LaunchTemplateId": template["id"]} if template.get("id") else {"LaunchTemplateName": template["name"]}
        versions = account.client("ec2").describe_launch_template_versions(**named, Versions=["$Latest"])
        data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        if data.get("InstanceType"):
            return str(data["InstanceType"])
    return "t3.medium"


def _pool(account: Account, inputs: Properties) -> kubernetes.Pool:
    ec2, scaling = account.client("ec2"), inputs["scalingConfig"]
    machine = ec2.describe_instance_types(InstanceTypes=[_machine_type(account, inputs)])["InstanceTypes"][0]
    subnets = ec2.describe_subnets(SubnetIds=inputs["subnetIds"])["Subnets"]
    return kubernetes.Pool(
        cluster=inputs["clusterName"],
        name=inputs["nodeGroupName"],
        region=account.region,
        size=max(scaling["minSize"], scaling["desiredSize"]),
        machine=machine,
        subnets=sorted(subnets, key=lambda subnet: str(subnet["AvailabilityZone"])),
        labels=inputs.get("labels") or {},
        taints=inputs.get("taints") or [],
        capacity_type=inputs.get("capacityType") or "ON_DEMAND",
    )


def _create_group(account: Account, inputs: Properties) -> str:
    kubernetes.apply_nodes(_pool(account, inputs))
    return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"


def _update_group(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    kubernetes.apply_nodes(_pool(account, new))


def _read_group(account: Account, identifier: str) -> dict[str, Any]:
    cluster, _, name = identifier.partition(":")
    _read_cluster(account, cluster)
    return {"resources": [{"autoscalingGroups": [{"name": f"eks-{name}"}]}]}


def _delete_group(account: Account, identifier: str, outputs: Properties) -> None:
    kubernetes.remove_nodes(identifier.partition(":")[2])


BACKED: Final[Mapping[str, Backing]] = {
    "aws:eks/cluster:Cluster": Backing(create=_create_cluster, read=_read_cluster, delete=_delete_cluster),
    "aws:eks/nodeGroup:NodeGroup": Backing(
        create=_create_group, read=_read_group, update=_update_group, delete=_delete_group
    ),
}
