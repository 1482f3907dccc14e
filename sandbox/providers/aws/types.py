"""What the stand-in knows of each resource type: the operation that creates it, names, identifiers, what replaces it.

Source: `operation` names botocore's service model. `immutable` follows the Terraform AWS provider's schemas
(`ForceNew`) as its documentation describes them ("Forces new resource", "Changing this creates a new resource"),
written down from knowledge of them, since the Pulumi SDK does not carry the fact.
Templates are Python format strings over the properties and the fields of `outputs.facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_EC2_ARN: Final = "arn:{partition}:ec2:{region}:{account}:"
_RESOLVER_ARN: Final = "arn:{partition}:route53resolver:{region}:{account}:"
_EKS_ARN: Final = "arn:{partition}:eks:{region}:{account}:"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The facts of one resource type.

    Args:
        operation: "<service>.<Operation>" whose input shape the inputs are checked against.
        rename: property -> member of that shape, where case alone does not lead to it ("" = no member).
        immutable: properties (dotted for nested ones) whose change replaces the resource.
        name: the property that gets an automatic physical name.
        id: template of the identifier of a resource that only the stand-in keeps.
        outputs: computed property -> template, or a plain value.
        defaults: inputs that the provider fills in.
        singleton: the account always has it; creating it sets it, and nobody else's exists "already".
    """

    operation: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    immutable: tuple[str, ...] = ()
    name: str = ""
    id: str = "{hex17}"
    outputs: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    singleton: bool = False


UNLISTED: Final = Kind(immutable=("name", "namePrefix"))
"""A type without facts: replaced by a change of its name or region, otherwise updated."""

_RULE: Final = Kind(
    operation="ec2.AuthorizeSecurityGroupIngress",
    immutable=("securityGroupId",),
    outputs={"arn": _EC2_ARN + "security-group-rule/{id}", "securityGroupRuleId": "{id}"},
)


def _bucket_setting(operation: str, *, owner: bool = False) -> Kind:
    immutable = ("bucket", "expectedBucketOwner") if owner else ("bucket",)
    return Kind(operation=f"s3.{operation}", immutable=immutable, id="{bucket}")


TYPES: Final[Mapping[str, Kind]] = {
    # Keys
    "aws:kms/key:Key": Kind(
        operation="kms.CreateKey",
        rename={"customerMasterKeySpec": "KeySpec"},
        immutable=("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId"),
        defaults={"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": True},
    ),
    "aws:kms/alias:Alias": Kind(
        operation="kms.CreateAlias", rename={"name": "AliasName"}, immutable=("name", "namePrefix"), name="name"
    ),
    "aws:kms/keyPolicy:KeyPolicy": Kind(operation="kms.PutKeyPolicy", immutable=("keyId",)),
    # Network
    "aws:ec2/vpc:Vpc": Kind(
        operation="ec2.CreateVpc",
        immutable=("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
        outputs={"arn": _EC2_ARN + "vpc/{id}", "ownerId": "{account}"},
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    ),
    "aws:ec2/subnet:Subnet": Kind(
        operation="ec2.CreateSubnet",
        immutable=("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "outpostArn", "ipv6Native"),
        outputs={"arn": _EC2_ARN + "subnet/{id}", "ownerId": "{account}"},
        defaults={"mapPublicIpOnLaunch": False, "assignIpv6AddressOnCreation": False},
    ),
    "aws:ec2/routeTable:RouteTable": Kind(
        operation="ec2.CreateRouteTable",
        immutable=("vpcId",),
        outputs={"arn": _EC2_ARN + "route-table/{id}", "ownerId": "{account}"},
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        operation="ec2.AssociateRouteTable", immutable=("subnetId", "gatewayId")
    ),
    "aws:ec2/route:Route": Kind(
        operation="ec2.CreateRoute",
        immutable=("routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"),
        outputs={"origin": "CreateRoute", "state": "active"},
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Kind(
        immutable=("vpcId",), outputs={"arn": _EC2_ARN + "security-group/{id}", "ownerId": "{account}"}
    ),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": Kind(
        immutable=("defaultNetworkAclId",), outputs={"arn": _EC2_ARN + "network-acl/{id}", "ownerId": "{account}"}
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": Kind(
        immutable=("defaultRouteTableId",), outputs={"arn": _EC2_ARN + "route-table/{id}", "ownerId": "{account}"}
    ),
    "aws:ec2/networkAcl:NetworkAcl": Kind(
        operation="ec2.CreateNetworkAcl",
        immutable=("vpcId",),
        outputs={"arn": _EC2_ARN + "network-acl/{id}", "ownerId": "{account}"},
    ),
    "aws:ec2/vpcDhcpOptions:VpcDhcpOptions": Kind(
        immutable=("domainName", "domainNameServers", "netbiosNameServers", "netbiosNodeType", "ntpServers"),
        outputs={"arn": _EC2_ARN + "dhcp-options/{id}", "ownerId": "{account}"},
    ),
    "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation": Kind(
        operation="ec2.AssociateDhcpOptions", immutable=("vpcId", "dhcpOptionsId"), id="{dhcpOptionsId}-{vpcId}"
    ),
    "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions": Kind(
        operation="ec2.ModifyVpcBlockPublicAccessOptions",
        id="{region}",
        singleton=True,
        outputs={"awsAccountId": "{account}", "awsRegion": "{region}"},
    ),
    "aws:ec2/securityGroup:SecurityGroup": Kind(
        operation="ec2.CreateSecurityGroup",
        rename={"name": "GroupName"},
        immutable=("name", "namePrefix", "description", "vpcId"),
        name="name",
        outputs={"arn": _EC2_ARN + "security-group/{id}", "ownerId": "{account}"},
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULE,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULE,
    "aws:ec2/vpcEndpoint:VpcEndpoint": Kind(
        operation="ec2.CreateVpcEndpoint",
        immutable=("vpcId", "serviceName", "vpcEndpointType", "serviceRegion", "resourceConfigurationArn"),
        outputs={"arn": _EC2_ARN + "vpc-endpoint/{id}", "ownerId": "{account}", "state": "available"},
        defaults={"vpcEndpointType": "Gateway"},
    ),
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": Kind(immutable=("vpcEndpointId",)),
    "aws:ec2/flowLog:FlowLog": Kind(
        operation="ec2.CreateFlowLogs",
        rename={"iamRoleArn": "DeliverLogsPermissionArn"},
        immutable=(
            "eniId",
            "iamRoleArn",
            "logDestination",
            "logDestinationType",
            "logFormat",
            "maxAggregationInterval",
            "subnetId",
            "trafficType",
            "vpcId",
            "destinationOptions",
            "deliverCrossAccountRole",
            "transitGatewayId",
        ),
        outputs={"arn": _EC2_ARN + "vpc-flow-log/{id}"},
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
    ),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": Kind(
        operation="ec2.CreateVpcPeeringConnection",
        immutable=("vpcId", "peerVpcId", "peerOwnerId", "peerRegion"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Kind(
        operation="ec2.CreateLaunchTemplate",
        rename={"name": "LaunchTemplateName", "description": "VersionDescription"},
        immutable=("name", "namePrefix"),
        name="name",
        id="lt-{hex17}",
        outputs={"arn": _EC2_ARN + "launch-template/{id}", "latestVersion": 1, "defaultVersion": 1},
    ),
    # Logs and audit
    "aws:cloudwatch/logGroup:LogGroup": Kind(
        operation="logs.CreateLogGroup",
        rename={"name": "logGroupName"},
        immutable=("name", "namePrefix", "logGroupClass"),
        name="name",
        outputs={"arn": "arn:{partition}:logs:{region}:{account}:log-group:{id}"},
        defaults={"skipDestroy": False},
    ),
    "aws:cloudtrail/trail:Trail": Kind(
        operation="cloudtrail.CreateTrail",
        rename={"cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn"},
        immutable=("name",),
        name="name",
        id="arn:{partition}:cloudtrail:{region}:{account}:trail/{name}",
        outputs={"arn": "{id}", "homeRegion": "{region}"},
        defaults={"enableLogging": True, "includeGlobalServiceEvents": True},
    ),
    # Name firewall
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": Kind(
        operation="route53resolver.CreateFirewallDomainList",
        immutable=("name",),
        name="name",
        id="rslvr-fdl-{hex17}",
        outputs={"arn": _RESOLVER_ARN + "firewall-domain-list/{id}"},
    ),
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": Kind(
        operation="route53resolver.CreateFirewallRuleGroup",
        immutable=("name",),
        name="name",
        id="rslvr-frg-{hex17}",
        outputs={
            "arn": _RESOLVER_ARN + "firewall-rule-group/{id}",
            "ownerId": "{account}",
            "shareStatus": "NOT_SHARED",
        },
    ),
    "aws:route53/resolverFirewallRule:ResolverFirewallRule": Kind(
        operation="route53resolver.CreateFirewallRule",
        rename={"qType": "Qtype"},
        immutable=("firewallRuleGroupId", "firewallDomainListId", "dnsThreatProtection", "qType"),
        name="name",
        id="{firewallRuleGroupId}:{firewallDomainListId}",
    ),
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": Kind(
        operation="route53resolver.AssociateFirewallRuleGroup",
        immutable=("firewallRuleGroupId", "vpcId"),
        name="name",
        id="rslvr-frgassoc-{hex17}",
        outputs={"arn": _RESOLVER_ARN + "firewall-rule-group-association/{id}"},
        defaults={"mutationProtection": "DISABLED"},
    ),
    "aws:route53/resolverFirewallConfig:ResolverFirewallConfig": Kind(
        operation="route53resolver.UpdateFirewallConfig",
        immutable=("resourceId",),
        id="rslvr-fc-{hex17}",
        outputs={"ownerId": "{account}"},
    ),
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig": Kind(
        operation="route53resolver.CreateResolverQueryLogConfig",
        immutable=("name", "destinationArn"),
        name="name",
        id="rqlc-{hex17}",
        outputs={
            "arn": _RESOLVER_ARN + "resolver-query-log-config/{id}",
            "ownerId": "{account}",
            "shareStatus": "NOT_SHARED",
        },
    ),
    "aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation": Kind(
        operation="route53resolver.AssociateResolverQueryLogConfig",
        immutable=("resolverQueryLogConfigId", "resourceId"),
        id="rqlca-{hex17}",
    ),
    # Identities
    "aws:iam/role:Role": Kind(
        operation="iam.CreateRole",
        rename={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument", "permissionsBoundary": ""},
        immutable=("name", "namePrefix", "path"),
        name="name",
        defaults={"maxSessionDuration": 3600, "path": "/", "forceDetachPolicies": False},
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        operation="iam.PutRolePolicy",
        rename={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        immutable=("name", "namePrefix", "role"),
        name="name",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        operation="iam.AttachRolePolicy", rename={"role": "RoleName"}, immutable=("role", "policyArn")
    ),
    "aws:iam/policy:Policy": Kind(
        operation="iam.CreatePolicy",
        rename={"name": "PolicyName", "policy": "PolicyDocument"},
        immutable=("name", "namePrefix", "path", "description"),
        name="name",
        defaults={"path": "/"},
    ),
    "aws:iam/instanceProfile:InstanceProfile": Kind(
        operation="iam.CreateInstanceProfile",
        rename={"name": "InstanceProfileName", "role": ""},
        immutable=("name", "namePrefix", "path"),
        name="name",
        defaults={"path": "/"},
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Kind(
        operation="iam.CreateOpenIDConnectProvider",
        rename={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
        immutable=("url",),
    ),
    # Cluster
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
    # Storage
    "aws:s3/bucket:Bucket": Kind(
        operation="s3.CreateBucket",
        rename={"acl": "ACL", "objectLockEnabled": "ObjectLockEnabledForBucket"},
        immutable=("bucket", "bucketPrefix", "objectLockEnabled", "bucketNamespace"),
        name="bucket",
        id="{bucket}",
        outputs={
            "arn": "arn:{partition}:s3:::{bucket}",
            "bucketRegion": "{region}",
            "bucketDomainName": "{bucket}.s3.amazonaws.com",
            "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
        },
        defaults={"forceDestroy": False},
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket_setting("PutPublicAccessBlock"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket_setting(
        "PutBucketEncryption", owner=True
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket_setting("PutBucketVersioning", owner=True),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket_setting("PutBucketOwnershipControls"),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_setting("PutBucketPolicy"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _bucket_setting(
        "PutObjectLockConfiguration", owner=True
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket_setting(
        "PutBucketLifecycleConfiguration", owner=True
    ),
    "aws:ecr/repository:Repository": Kind(
        operation="ecr.CreateRepository",
        rename={"name": "repositoryName", "encryptionConfigurations": ""},
        immutable=("name", "encryptionConfigurations"),
        name="name",
        defaults={"imageTagMutability": "MUTABLE"},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Kind(
        operation="ecr.PutLifecyclePolicy",
        rename={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
        immutable=("repository", "policy"),
        id="{repository}",
        outputs={"registryId": "{account}"},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Kind(
        operation="ecr.SetRepositoryPolicy",
        rename={"repository": "repositoryName", "policy": "policyText"},
        immutable=("repository",),
        id="{repository}",
        outputs={"registryId": "{account}"},
    ),
    "aws:secretsmanager/secret:Secret": Kind(
        operation="secretsmanager.CreateSecret",
        immutable=("name", "namePrefix"),
        name="name",
        defaults={"recoveryWindowInDays": 30},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Kind(
        operation="secretsmanager.PutSecretValue",
        immutable=("secretId", "secretString", "secretBinary"),
    ),
}


def kind_of(type_token: str) -> Kind:
    """The facts of a type, or those of an unlisted one."""
    return TYPES.get(type_token, UNLISTED)
