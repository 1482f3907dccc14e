"""Small good networks, as sketches; each but the first is one with names, and something more."""

from collections.abc import Mapping
from typing import Any

from .sketches import Sketch

GROUP = "aws:ec2/securityGroup:SecurityGroup"
GATEWAY: Mapping[str, Any] = {
    "serviceName": "com.amazonaws.eu-west-1.s3",
    "vpcEndpointType": "Gateway",
    "subnetIds": "UNKNOWN",
    "securityGroupIds": "UNKNOWN",
    "privateDnsEnabled": None,
}
NETWORK: Sketch = {
    "bpa": ("ec2/vpcBlockPublicAccessOptions", {}, {}),
    "vpc": ("ec2/vpc", {"id": "vpc-1"}, {}),
    "pods": ("ec2/vpcIpv4CidrBlockAssociation", {"vpcId": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "sg": ("ec2/defaultSecurityGroup", {"vpcId": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "acl": ("ec2/defaultNetworkAcl", {"defaultNetworkAclId": "UNKNOWN"}, {"defaultNetworkAclId": ("vpc",)}),
    "subnet": ("ec2/subnet", {"vpcId": "vpc-1", "id": "subnet-1"}, {"vpcId": ("vpc",)}),
    # What providers fill in is not known at a first preview, although nobody gave it.
    "table": ("ec2/routeTable", {"vpcId": "vpc-1", "id": "rtb-1", "routes": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "joined": (
        "ec2/routeTableAssociation",
        {"subnetId": "subnet-1", "routeTableId": "UNKNOWN"},
        {"subnetId": ("subnet",), "routeTableId": ("table",)},
    ),
    "filter": (
        "ec2/networkAcl",
        {"vpcId": "vpc-1", "subnetIds": ["UNKNOWN"]},
        {"vpcId": ("vpc",), "subnetIds": ("subnet",)},
    ),
    "group": (GROUP, {"vpcId": "vpc-1", "id": "sg-1", "egress": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "nodes": (
        GROUP,
        {
            "vpcId": "vpc-1",
            "ingress": {0: {"cidrBlocks": None, "securityGroups": ["UNKNOWN"]}},
            "egress": {1: {"prefixListIds": ["UNKNOWN"]}},
        },
        {"vpcId": ("vpc",), "ingress": ("group",), "egress": ("s3", "group")},
    ),
    "endpoint": (
        "ec2/vpcEndpoint",
        {
            "vpcId": "vpc-1",
            "subnetIds": ["subnet-1"],
            "securityGroupIds": ["UNKNOWN"],
            "routeTableIds": "UNKNOWN",
            "id": "vpce-1",
        },
        {"vpcId": ("vpc",), "subnetIds": ("subnet",), "securityGroupIds": ("group",)},
    ),
    "s3": (
        "ec2/vpcEndpoint",
        {**GATEWAY, "vpcId": "vpc-1", "routeTableIds": ["UNKNOWN"], "prefixListId": "pl-1"},
        {"vpcId": ("vpc",), "routeTableIds": ("table",)},
    ),
    "to-s3": (
        "SecurityGroupEgressRule",
        {"cidrIpv4": None, "prefixListId": "pl-1", "securityGroupId": "sg-1"},
        {"prefixListId": ("s3",), "securityGroupId": ("group",)},
    ),
    "to-group": (
        "SecurityGroupRule",
        {"cidrBlocks": None, "sourceSecurityGroupId": "UNKNOWN"},
        {"sourceSecurityGroupId": ("group",)},
    ),
}
NAMES: Sketch = {
    **NETWORK,
    "listed": ("ResolverFirewallDomainList", {"id": "list-1"}, {}),
    "rest": ("ResolverFirewallDomainList", {"domains": ["*"], "id": "list-2"}, {}),
    "chain": ("ResolverFirewallRuleGroup", {"id": "chain-1"}, {}),
    "allow": (
        "ResolverFirewallRule",
        {"firewallDomainListId": "list-1", "firewallRuleGroupId": "chain-1"},
        {"firewallDomainListId": ("listed",), "firewallRuleGroupId": ("chain",)},
    ),
    "block": (
        "ResolverFirewallRule",
        {"firewallDomainListId": "UNKNOWN", "firewallRuleGroupId": "chain-1", "action": "BLOCK", "priority": 200},
        {"firewallDomainListId": ("rest",), "firewallRuleGroupId": ("chain",)},
    ),
    "names": (
        "ResolverFirewallRuleGroupAssociation",
        {"vpcId": "UNKNOWN", "firewallRuleGroupId": "chain-1"},
        {"vpcId": ("vpc",), "firewallRuleGroupId": ("chain",)},
    ),
    "questions": ("LogGroup", {"name": None}, {}),
    "packets": ("ec2/flowLog", {"vpcId": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "trail": (
        "cloudtrail/trail",
        {"s3BucketName": "UNKNOWN", "kmsKeyId": "UNKNOWN"},
        {"s3BucketName": ("calls",), "kmsKeyId": ("secret",)},
    ),
    "calls": ("aws:s3/bucket:Bucket", {"id": "calls-111122223333"}, {}),
    "calls-block": ("BucketPublicAccessBlock", {"bucket": "UNKNOWN"}, {"bucket": ("calls",)}),
    "calls-key": ("BucketServerSideEncryptionConfiguration", {"bucket": "calls-111122223333"}, {"bucket": ("calls",)}),
    "secret": ("kms/key", {}, {}),
    "asked": (
        "ResolverQueryLogConfigAssociation",
        {"resourceId": "UNKNOWN", "resolverQueryLogConfigId": "UNKNOWN"},
        {"resourceId": ("vpc",), "resolverQueryLogConfigId": ("log",)},
    ),
    "log": ("ResolverQueryLogConfig", {"destinationArn": "UNKNOWN"}, {"destinationArn": ("questions",)}),
    "blocked": ("LogMetricFilter", {"logGroupName": "UNKNOWN"}, {"logGroupName": ("questions",)}),
    "topic": ("sns/topic", {"kmsMasterKeyId": "UNKNOWN"}, {"kmsMasterKeyId": ("key",)}),
    "key": ("kms/key", {}, {}),
    "alarm": (
        "MetricAlarm",
        {
            "metricName": "BlockedNames",
            "comparisonOperator": "GreaterThanThreshold",
            "alarmActions": ["UNKNOWN"],
            "okActions": None,
        },
        {"alarmActions": ("topic",)},
    ),
    "zone": ("route53/zone", {"vpcs": [{"vpcId": "UNKNOWN"}], "id": "Z1"}, {"vpcs": ("vpc",)}),
    "zone-apps": ("VpcAssociationAuthorization", {"zoneId": "UNKNOWN"}, {"zoneId": ("zone",)}),
    "zone-tools": ("ZoneAssociation", {"zoneId": "Z1", "vpcId": "vpc-0b0b0b0b0b0b0b0b0"}, {"zoneId": ("zone",)}),
}
# An endpoint that a peer shares: a private zone stands in for its private DNS.
SHARED: Sketch = {
    **NAMES,
    "endpoint": (
        "ec2/vpcEndpoint",
        {**(NETWORK["endpoint"][1] or {}), "privateDnsEnabled": False},
        NETWORK["endpoint"][2],
    ),
    "zone": (
        "route53/zone",
        {"name": "secretsmanager.eu-west-1.amazonaws.com", "vpcs": [{"vpcId": "vpc-1"}], "id": "Z1"},
        {"vpcs": ("vpc",)},
    ),
    "alias": (
        "route53/record",
        {
            "zoneId": "UNKNOWN",
            "name": "secretsmanager.eu-west-1.amazonaws.com",
            "records": None,
            "aliases": [{"name": "UNKNOWN", "zoneId": "UNKNOWN", "evaluateTargetHealth": False}],
        },
        {"zoneId": ("zone",), "aliases": ("endpoint",)},
    ),
}
PEERED: Sketch = {
    **NAMES,
    "apps": ("ec2/vpcPeeringConnection", {"vpcId": "UNKNOWN", "id": "pcx-1"}, {"vpcId": ("vpc",)}),
    "apps-options": ("PeeringConnectionOptions", {"vpcPeeringConnectionId": "pcx-1"}, {}),
    "tools": ("VpcPeeringConnectionAccepter", {"vpcPeeringConnectionId": "pcx-0b0b0b0b0b0b0b0b0"}, {}),
    "to-apps": (
        "ec2/route",
        {"routeTableId": "UNKNOWN", "vpcPeeringConnectionId": "UNKNOWN", "gatewayId": "UNKNOWN"},
        {"routeTableId": ("table",), "vpcPeeringConnectionId": ("apps",)},
    ),
    "to-tools": (
        "ec2/route",
        {"destinationCidrBlock": "10.92.0.0/16", "routeTableId": "rtb-1", "vpcPeeringConnectionId": "UNKNOWN"},
        {"routeTableId": ("table",), "vpcPeeringConnectionId": ("tools",)},
    ),
}
FRONT: Sketch = {
    **NAMES,
    "front": (
        "lb/loadBalancer",
        {
            "subnetMappings": "UNKNOWN",
            "subnets": ["UNKNOWN"],
            "securityGroups": ["UNKNOWN"],
            "accessLogs": {"bucket": "UNKNOWN"},
            "dnsName": "cloister-gateway-1.elb.eu-west-1.amazonaws.com",
        },
        {"subnets": ("subnet",), "securityGroups": ("group",), "accessLogs": ("logs",)},
    ),
    "logs": ("aws:s3/bucket:Bucket", {"id": "logs-111122223333"}, {}),
    "logs-block": ("BucketPublicAccessBlock", {"bucket": "UNKNOWN"}, {"bucket": ("logs",)}),
    "logs-key": ("BucketServerSideEncryptionConfiguration", {"bucket": "logs-111122223333"}, {"bucket": ("logs",)}),
    "targets": ("lb/targetGroup", {"vpcId": "vpc-1"}, {"vpcId": ("vpc",)}),
    "certificate": ("acm/certificate", {}, {}),
    "listener": (
        "lb/listener",
        {
            "loadBalancerArn": "UNKNOWN",
            "certificateArn": "UNKNOWN",
            "defaultActions": [{"type": "forward", "targetGroupArn": "UNKNOWN"}],
        },
        {"loadBalancerArn": ("front",), "certificateArn": ("certificate",), "defaultActions": ("targets",)},
    ),
    "service": (
        "VpcEndpointService",
        {"networkLoadBalancerArns": ["UNKNOWN"]},
        {"networkLoadBalancerArns": ("front",)},
    ),
    "name": (
        "route53/record",
        {
            "zoneId": "Z1",
            "records": None,
            "aliases": [{"name": "cloister-gateway-1.elb.eu-west-1.amazonaws.com.", "evaluateTargetHealth": False}],
        },
        {"zoneId": ("zone",)},
    ),
}
VPN: Sketch = {
    **NAMES,
    "gateway": ("ec2/vpnGateway", {"vpcId": "UNKNOWN"}, {"vpcId": ("vpc",)}),
    "device": ("ec2/customerGateway", {}, {}),
    "office": (
        "ec2/vpnConnection",
        {"vpnGatewayId": "UNKNOWN", "customerGatewayId": "UNKNOWN"},
        {"vpnGatewayId": ("gateway",), "customerGatewayId": ("device",)},
    ),
    "office-static": ("ec2/vpnConnectionRoute", {"vpnConnectionId": "UNKNOWN"}, {"vpnConnectionId": ("office",)}),
    "to-office": (
        "ec2/route",
        {
            "destinationCidrBlock": "10.200.0.0/16",
            "routeTableId": "rtb-1",
            "vpcPeeringConnectionId": "UNKNOWN",
            "gatewayId": "UNKNOWN",
        },
        {"routeTableId": ("table",), "gatewayId": ("gateway",)},
    ),
}
ATTACHED: Sketch = {
    "forbidden": ("organizations/policy", {"id": "p-c10157e0"}, {}),
    "forbidden-here": ("organizations/policyAttachment", {"policyId": "UNKNOWN"}, {"policyId": ("forbidden",)}),
    **NAMES,
    "cluster": (
        "eks/cluster",
        {"vpcConfig": {"subnetIds": ["UNKNOWN"], "securityGroupIds": None, "vpcId": None}},
        {"vpcConfig": ("subnet",)},
    ),
    "interface": (
        "ec2/networkInterface",
        {"subnetId": "UNKNOWN", "securityGroups": ["UNKNOWN"]},
        {"subnetId": ("subnet",), "securityGroups": ("group",)},
    ),
    "resolver": (
        "ResolverEndpoint",
        {"securityGroupIds": ["sg-1"], "ipAddresses": [{"subnetId": "subnet-1"}, {"subnetId": "UNKNOWN"}]},
        {"securityGroupIds": ("group",), "ipAddresses": ("subnet",)},
    ),
    "options": ("ec2/vpcDhcpOptions", {"id": "dopt-1"}, {}),
    "options-joined": (
        "ec2/vpcDhcpOptionsAssociation",
        {"vpcId": "vpc-1", "dhcpOptionsId": "UNKNOWN"},
        {"vpcId": ("vpc",), "dhcpOptionsId": ("options",)},
    ),
    "template": (
        "ec2/launchTemplate",
        {"vpcSecurityGroupIds": ["sg-1"], "networkInterfaces": {0: {"securityGroups": ["sg-1"]}}},
        {"vpcSecurityGroupIds": ("group",), "networkInterfaces": ("group",)},
    ),
    "build": (
        "codebuild/project",
        {"vpcConfig": {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}},
        {"vpcConfig": ("vpc", "subnet", "group")},
    ),
    "policy": ("aws:iam/policy:Policy", {}, {}),
    "granted": ("RolePolicyAttachment", {"policyArn": "UNKNOWN"}, {"policyArn": ("policy",)}),
}
