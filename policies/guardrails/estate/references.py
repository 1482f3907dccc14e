"""Ids and ARNs must come from resources of the same stack: that is the proof for what is unknown at preview."""

from collections.abc import Callable, Iterator

from ..findings import Resource
from ..owner import Estate
from ..rules import Rule, rule
from ..stack import Stack, count_unknown, identities, origins, values
from .network import is_gateway

_SUBNET = "aws:ec2/subnet:Subnet"
_VPC = "aws:ec2/vpc:Vpc"
_ROUTE = "aws:ec2/route:Route"
_TABLE = "aws:ec2/routeTable:RouteTable"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter"
_OPTIONS = "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions"
_PEERINGS = ("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", _ACCEPTER)
_VPN_GATEWAY = "aws:ec2/vpnGateway:VpnGateway"
_VPN = "aws:ec2/vpnConnection:VpnConnection"
_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_LISTENER = "aws:lb/listener:Listener"
_BUCKET = "aws:s3/bucket:Bucket"
_ZONE = "aws:route53/zone:Zone"
_GROUPS = ("aws:ec2/securityGroup:SecurityGroup",)
_CLUSTER = "aws:eks/cluster:Cluster"
_PROJECT = "aws:codebuild/project:Project"
_INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
_RESOLVER = "aws:route53/resolverEndpoint:ResolverEndpoint"
_DHCP = "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

# (type, property) -> types that its value may come from. `routes.gatewayId` is a field below a property.
_MANAGED: dict[tuple[str, str], tuple[str, ...]] = {
    (_SUBNET, "vpcId"): (_VPC,),
    ("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation", "vpcId"): (_VPC,),
    (_TABLE, "vpcId"): (_VPC,),
    (_TABLE, "routes.vpcPeeringConnectionId"): _PEERINGS,
    (_TABLE, "routes.gatewayId"): (_VPN_GATEWAY,),
    ("aws:ec2/networkAcl:NetworkAcl", "vpcId"): (_VPC,),
    ("aws:ec2/networkAcl:NetworkAcl", "subnetIds"): (_SUBNET,),
    ("aws:ec2/securityGroup:SecurityGroup", "vpcId"): (_VPC,),
    (_ENDPOINT, "vpcId"): (_VPC,),
    (_ENDPOINT, "subnetIds"): (_SUBNET,),
    (_ENDPOINT, "routeTableIds"): (_TABLE,),
    (_ENDPOINT, "securityGroupIds"): _GROUPS,
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "routeTableId"): (_TABLE,),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "subnetId"): (_SUBNET,),
    (_ROUTE, "routeTableId"): (_TABLE,),
    (_ROUTE, "vpcPeeringConnectionId"): _PEERINGS,
    (_ROUTE, "gatewayId"): (_VPN_GATEWAY,),
    (_PEERINGS[0], "vpcId"): (_VPC,),
    ("aws:organizations/policyAttachment:PolicyAttachment", "policyId"): ("aws:organizations/policy:Policy",),
    (_ACCEPTER, "vpcPeeringConnectionId"): _PEERINGS[:1],
    (_OPTIONS, "vpcPeeringConnectionId"): _PEERINGS,
    (_VPN_GATEWAY, "vpcId"): (_VPC,),
    (_VPN, "vpnGatewayId"): (_VPN_GATEWAY,),
    (_VPN, "customerGatewayId"): ("aws:ec2/customerGateway:CustomerGateway",),
    ("aws:ec2/vpnConnectionRoute:VpnConnectionRoute", "vpnConnectionId"): (_VPN,),
    ("aws:ec2/vpcEndpointService:VpcEndpointService", "networkLoadBalancerArns"): (_BALANCER,),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "securityGroupId"): _GROUPS,
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "securityGroupId"): _GROUPS,
    (_BALANCER, "subnets"): (_SUBNET,),
    (_BALANCER, "subnetMappings.subnetId"): (_SUBNET,),
    (_BALANCER, "securityGroups"): _GROUPS,
    (_BALANCER, "accessLogs.bucket"): (_BUCKET,),
    (_LISTENER, "loadBalancerArn"): (_BALANCER,),
    (_LISTENER, "defaultActions.targetGroupArn"): ("aws:lb/targetGroup:TargetGroup",),
    ("aws:lb/targetGroup:TargetGroup", "vpcId"): (_VPC,),
    ("aws:eks/nodeGroup:NodeGroup", "subnetIds"): (_SUBNET,),
    (_CLUSTER, "vpcConfig.subnetIds"): (_SUBNET,),
    (_CLUSTER, "vpcConfig.securityGroupIds"): _GROUPS,
    (_PROJECT, "vpcConfig.vpcId"): (_VPC,),
    (_PROJECT, "vpcConfig.subnets"): (_SUBNET,),
    (_PROJECT, "vpcConfig.securityGroupIds"): _GROUPS,
    (_INTERFACE, "subnetId"): (_SUBNET,),
    (_INTERFACE, "securityGroups"): _GROUPS,
    (_RESOLVER, "ipAddresses.subnetId"): (_SUBNET,),
    (_RESOLVER, "securityGroupIds"): _GROUPS,
    (_DHCP, "vpcId"): (_VPC,),
    (_DHCP, "dhcpOptionsId"): ("aws:ec2/vpcDhcpOptions:VpcDhcpOptions",),
    (_TEMPLATE, "vpcSecurityGroupIds"): (*_GROUPS, _CLUSTER),
    (_TEMPLATE, "networkInterfaces.subnetId"): (_SUBNET,),
    (_TEMPLATE, "networkInterfaces.securityGroups"): (*_GROUPS, _CLUSTER),
    ("aws:cloudtrail/trail:Trail", "s3BucketName"): (_BUCKET,),
    ("aws:s3/bucketLogging:BucketLogging", "targetBucket"): (_BUCKET,),
    ("aws:s3/bucketNotification:BucketNotification", "bucket"): (_BUCKET,),
    ("aws:s3/bucketPolicy:BucketPolicy", "bucket"): (_BUCKET,),
    ("aws:route53/record:Record", "zoneId"): (_ZONE,),
    ("aws:route53/zoneAssociation:ZoneAssociation", "zoneId"): (_ZONE,),
    ("aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization", "zoneId"): (_ZONE,),
}
# (type, property) -> types that an unknown value must come from; a known one is judged by its account and region.
_KEY = "aws:kms/key:Key"
_ROLE = "aws:iam/role:Role"
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_PROVED: dict[tuple[str, str], tuple[str, ...]] = {
    (_LOG_GROUP, "kmsKeyId"): (_KEY,),
    (_LISTENER, "certificateArn"): ("aws:acm/certificate:Certificate",),
    (_VPN, "tunnel1LogOptions.logGroupArn"): (_LOG_GROUP,),
    (_VPN, "tunnel2LogOptions.logGroupArn"): (_LOG_GROUP,),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "alarmActions"): ("aws:sns/topic:Topic",),
    ("aws:sns/topic:Topic", "kmsMasterKeyId"): (_KEY,),
    ("aws:cloudtrail/trail:Trail", "kmsKeyId"): (_KEY,),
    ("aws:secretsmanager/secret:Secret", "kmsKeyId"): (_KEY,),
    ("aws:sqs/queue:Queue", "kmsMasterKeyId"): (_KEY,),
    ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "rules"): (_KEY,),
    ("aws:ecr/repository:Repository", "encryptionConfigurations"): (_KEY,),
    ("aws:eks/cluster:Cluster", "encryptionConfig"): (_KEY,),
    ("aws:eks/cluster:Cluster", "roleArn"): (_ROLE,),
    ("aws:eks/nodeGroup:NodeGroup", "nodeRoleArn"): (_ROLE,),
    ("aws:eks/nodeGroup:NodeGroup", "launchTemplate"): ("aws:ec2/launchTemplate:LaunchTemplate",),
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "roleArn"): (_ROLE,),
    ("aws:eks/accessEntry:AccessEntry", "principalArn"): (_ROLE,),
    ("aws:ec2/flowLog:FlowLog", "iamRoleArn"): (_ROLE,),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn"): ("aws:iam/policy:Policy",),
    ("aws:iam/role:Role", "managedPolicyArns"): ("aws:iam/policy:Policy",),
    ("aws:ec2/flowLog:FlowLog", "logDestination"): (_LOG_GROUP, _BUCKET),
    ("aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig", "destinationArn"): (_LOG_GROUP, _BUCKET),
}


def _reaches(*keys: str) -> Callable[[Resource], bool]:
    return lambda resource: any(origins(resource, key) or any(True for _ in values(resource, key)) for key in keys)


# (type, property) -> when its value is the provider's to fill in, and not known at preview although nobody gave it.
_FILLED: dict[tuple[str, str], Callable[[Resource], bool]] = {
    (_ENDPOINT, "subnetIds"): is_gateway,
    (_ENDPOINT, "securityGroupIds"): is_gateway,
    (_ENDPOINT, "routeTableIds"): lambda endpoint: not is_gateway(endpoint),
    (_ROUTE, "gatewayId"): _reaches("vpcPeeringConnectionId"),
    (_ROUTE, "vpcPeeringConnectionId"): _reaches("gatewayId"),
    (_BALANCER, "subnets"): _reaches("subnetMappings.subnetId"),
    # Nobody needs to give these; resource rules judge what is given, once it is known.
    (_TEMPLATE, "vpcSecurityGroupIds"): lambda _: True,
    (_ROLE, "managedPolicyArns"): lambda _: True,
}


def _connections(estate: Estate) -> set[str]:
    return {peer.connection_id for peer in estate.peers if peer.connection_id is not None}


# (type, property) -> ids of others that the estate names.
_DECLARED: dict[tuple[str, str], Callable[[Estate], set[str]]] = {
    (_ACCEPTER, "vpcPeeringConnectionId"): _connections,
    (_OPTIONS, "vpcPeeringConnectionId"): _connections,
    (_ROUTE, "vpcPeeringConnectionId"): _connections,
    (_TABLE, "routes.vpcPeeringConnectionId"): _connections,
}


@rule(
    *sorted({token for token, _ in _MANAGED}),
    fix="Pass the output of a resource of this stack; a peer's connection_id belongs in estate.yaml.",
    source="https://www.pulumi.com/docs/insights/policy/policy-packs/authoring/",
    severity="critical",
)
def estate_references_are_managed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Networks, tables, groups, gateways, buckets and zones that a resource refers to are of the same stack."""
    for (token, key), accepted in _MANAGED.items():
        resources = stack.of(token)
        if not resources:
            continue
        targets = {target.urn: target for kind in accepted for target in stack.of(kind)}
        owned = set().union(*(identities(target) for target in targets.values()))
        declared = _DECLARED.get((token, key))
        filled = _FILLED.get((token, key))
        for resource in resources:
            known = owned | declared(resource.estate) if declared else owned
            proved = [source for source in origins(resource, key) if source.urn in targets]
            named = set(values(resource, key))
            # A proved source whose id is not known yet stands for one value, known or not.
            spare = sum(1 for source in proved if not (identities(source) & named))
            strangers = sorted(named - known)
            if count_unknown(resource, key) and not proved:
                if filled is None or origins(resource, key) or not filled(resource):
                    yield resource, f"{key} is not known and comes from no managed resource"
            elif strangers and len(strangers) + count_unknown(resource, key) > spare:
                yield resource, f"{key} {', '.join(strangers)} is not of this stack"


@rule(
    *sorted({token for token, _ in _PROVED}),
    fix="Pass the output of a resource of this stack, or a literal of an own account.",
    source="https://www.pulumi.com/docs/insights/policy/policy-packs/authoring/",
)
def estate_unknown_keys_and_roles_are_managed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A key, role, certificate or destination that is not known yet comes from a resource of the same stack."""
    for (token, key), accepted in _PROVED.items():
        for resource in stack.of(token):
            sources = origins(resource, key)
            if not count_unknown(resource, key) or any(source.type in accepted for source in sources):
                continue
            if sources or (token, key) not in _FILLED or not _FILLED[token, key](resource):
                yield resource, f"{key} is not known and comes from no managed resource"


RULES: tuple[Rule, ...] = (estate_references_are_managed, estate_unknown_keys_and_roles_are_managed)
