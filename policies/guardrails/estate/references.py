"""Ids and ARNs must come from resources of the same stack: that is the proof for what is unknown at preview."""

from collections.abc import Iterator

from ..findings import Resource
from ..rules import Rule, rule
from ..stack import Stack, count_unknown, identities, values

_SUBNET = "aws:ec2/subnet:Subnet"
_VPC = "aws:ec2/vpc:Vpc"
_PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
_BUCKET = "aws:s3/bucket:Bucket"
_GROUPS = ("aws:ec2/securityGroup:SecurityGroup",)

# (type, property) -> types that its value may come from.
_MANAGED: dict[tuple[str, str], tuple[str, ...]] = {
    (_SUBNET, "vpcId"): (_VPC,),
    ("aws:ec2/routeTable:RouteTable", "vpcId"): (_VPC,),
    ("aws:ec2/securityGroup:SecurityGroup", "vpcId"): (_VPC,),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "vpcId"): (_VPC,),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "subnetIds"): (_SUBNET,),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "securityGroupIds"): _GROUPS,
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "routeTableId"): ("aws:ec2/routeTable:RouteTable",),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "subnetId"): (_SUBNET,),
    ("aws:ec2/route:Route", "routeTableId"): ("aws:ec2/routeTable:RouteTable",),
    ("aws:ec2/route:Route", "vpcPeeringConnectionId"): (_PEERING,),
    ("aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter", "vpcPeeringConnectionId"): (_PEERING,),
    ("aws:ec2/peeringConnectionOptions:PeeringConnectionOptions", "vpcPeeringConnectionId"): (_PEERING,),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "prefixListId"): ("aws:ec2/vpcEndpoint:VpcEndpoint",),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "securityGroupId"): _GROUPS,
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "securityGroupId"): _GROUPS,
    ("aws:ec2/securityGroupRule:SecurityGroupRule", "prefixListIds"): ("aws:ec2/vpcEndpoint:VpcEndpoint",),
    ("aws:eks/nodeGroup:NodeGroup", "subnetIds"): (_SUBNET,),
    ("aws:cloudtrail/trail:Trail", "s3BucketName"): (_BUCKET,),
    ("aws:s3/bucketLogging:BucketLogging", "targetBucket"): (_BUCKET,),
    ("aws:s3/bucketNotification:BucketNotification", "bucket"): (_BUCKET,),
    ("aws:s3/bucketPolicy:BucketPolicy", "bucket"): (_BUCKET,),
    ("aws:route53/record:Record", "zoneId"): ("aws:route53/zone:Zone",),
    ("aws:route53/zoneAssociation:ZoneAssociation", "zoneId"): ("aws:route53/zone:Zone",),
}
# (type, property) -> types that an unknown value must come from; a known one is judged by its account and region.
_KEY = "aws:kms/key:Key"
_ROLE = "aws:iam/role:Role"
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_PROVED: dict[tuple[str, str], tuple[str, ...]] = {
    (_LOG_GROUP, "kmsKeyId"): (_KEY,),
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
    ("aws:ec2/flowLog:FlowLog", "logDestination"): (_LOG_GROUP, _BUCKET),
    ("aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig", "destinationArn"): (_LOG_GROUP, _BUCKET),
}
_ZONE = "aws:route53/zone:Zone"
_ASSOCIATION = "aws:route53/zoneAssociation:ZoneAssociation"


@rule(
    *sorted({token for token, _ in _MANAGED}),
    fix="Pass the output of a resource of this stack.",
    source="https://www.pulumi.com/docs/insights/policy/policy-packs/authoring/",
    severity="critical",
)
def estate_references_are_managed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Networks, tables, groups, buckets and zones that a resource refers to are declared in the same stack."""
    for (token, key), accepted in _MANAGED.items():
        targets = [target for kind in accepted for target in stack.of(kind)]
        owned = set().union(*(identities(target) for target in targets)) if targets else set()
        urns = {target.urn for target in targets}
        for resource in stack.of(token):
            proved = [source for source in resource.sources.get(key, ()) if source.urn in urns]
            named = set(values(resource, key))
            # A proved source whose id is not known yet stands for one value.
            spare = sum(1 for source in proved if not (identities(source) & named))
            strangers = sorted(named - owned)
            if count_unknown(resource, key) and not proved:
                yield resource, f"{key} is not known and comes from no managed resource"
            elif len(strangers) > spare:
                yield resource, f"{key} {', '.join(strangers)} is not of this stack"


@rule(
    _ZONE,
    _ASSOCIATION,
    fix="Associate VPCs of this stack, or of a peer in estate.yaml.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-private.html",
)
def estate_zones_serve_known_vpcs(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A private zone answers VPCs of this stack and of declared peers only."""
    own = set().union(*(identities(vpc) for vpc in stack.of(_VPC))) if stack.of(_VPC) else set()
    for resource in (*stack.of(_ZONE), *stack.of(_ASSOCIATION)):
        accepted = own | {peer.vpc_id for peer in resource.estate.peers}
        for path, leaf in resource.leaves:
            if path.endswith("vpcId") and leaf not in accepted:
                yield resource, f"{path} {leaf!r} is neither of this stack nor a peer's"


@rule(
    *sorted({token for token, _ in _PROVED}),
    fix="Pass the output of a resource of this stack, or a literal of an own account.",
    source="https://www.pulumi.com/docs/insights/policy/policy-packs/authoring/",
)
def estate_unknown_keys_and_roles_are_managed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A key, role or log destination that is not known yet comes from a resource of the same stack."""
    for (token, key), accepted in _PROVED.items():
        for resource in stack.of(token):
            unknown = any(path.split(".")[0].split("[")[0] == key for path in resource.unknowns)
            if unknown and not any(source.type in accepted for source in resource.sources.get(key, ())):
                yield resource, f"{key} is not known and comes from no managed resource"


RULES: tuple[Rule, ...] = (
    estate_references_are_managed,
    estate_unknown_keys_and_roles_are_managed,
    estate_zones_serve_known_vpcs,
)
