"""EKS, its launch templates included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import EC2_ARN, Kind

_EKS_ARN: Final = "arn:{partition}:eks:{region}:{account}:"

CLUSTER: Final[Mapping[str, Kind]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": Kind(
        operation="ec2.CreateLaunchTemplate",
        rename={"name": "LaunchTemplateName", "description": "VersionDescription"},
        immutable=("name", "namePrefix"),
        name="name",
        id="lt-{hex17}",
        outputs={"arn": EC2_ARN + "launch-template/{id}", "latestVersion": 1, "defaultVersion": 1},
    ),
    "aws:eks/cluster:Cluster": Kind(
        operation="eks.CreateCluster",
        rename={"vpcConfig": "resourcesVpcConfig", "enabledClusterLogTypes": ""},
        immutable=(
            "name",
            "roleArn",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "kubernetesNetworkConfig.ipFamily",
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "bootstrapSelfManagedAddons",
            "encryptionConfig",
            "outpostConfig",
        ),
        name="name",
        id="{name}",
        outputs={"arn": _EKS_ARN + "cluster/{name}", "platformVersion": "eks.1", "version": "1.34"},
        defaults={"bootstrapSelfManagedAddons": True},
    ),
    "aws:eks/nodeGroup:NodeGroup": Kind(
        operation="eks.CreateNodegroup",
        rename={"nodeRoleArn": "nodeRole", "subnetIds": "subnets", "nodeGroupName": "nodegroupName"},
        immutable=(
            "clusterName",
            "nodeGroupName",
            "nodeGroupNamePrefix",
            "nodeRoleArn",
            "subnetIds",
            "amiType",
            "capacityType",
            "diskSize",
            "instanceTypes",
            "remoteAccess",
            "launchTemplate.id",
            "launchTemplate.name",
        ),
        name="nodeGroupName",
        id="{clusterName}:{nodeGroupName}",
        outputs={"arn": _EKS_ARN + "nodegroup/{clusterName}/{nodeGroupName}/{uuid}", "status": "ACTIVE"},
    ),
    "aws:eks/addon:Addon": Kind(
        operation="eks.CreateAddon",
        rename={"resolveConflictsOnCreate": "resolveConflicts"},
        immutable=("clusterName", "addonName"),
        id="{clusterName}:{addonName}",
        outputs={"arn": _EKS_ARN + "addon/{clusterName}/{addonName}/{uuid}"},
    ),
    "aws:eks/accessEntry:AccessEntry": Kind(
        operation="eks.CreateAccessEntry",
        rename={"userName": "username"},
        immutable=("clusterName", "principalArn", "type"),
        id="{clusterName}:{principalArn}",
        outputs={"accessEntryArn": _EKS_ARN + "access-entry/{clusterName}/role/{account}/{uuid}"},
        defaults={"type": "STANDARD"},
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Kind(
        operation="eks.AssociateAccessPolicy",
        immutable=("clusterName", "principalArn", "policyArn", "accessScope"),
        id="{clusterName}#{principalArn}#{policyArn}",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Kind(
        operation="eks.CreatePodIdentityAssociation",
        immutable=("clusterName", "namespace", "serviceAccount"),
        id="a-{hex17}",
        outputs={
            "associationId": "{id}",
            "associationArn": _EKS_ARN + "podidentityassociation/{clusterName}/{id}",
            "externalId": "{region}/{account}/{clusterName}/{namespace}/{serviceAccount}/{uuid}",
        },
    ),
}
