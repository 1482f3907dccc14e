"""What breaks each rule over whole stacks: one spoiled resource of a small good stack."""

from collections.abc import Mapping, Sequence
from typing import Any

from .network_sketches import ATTACHED, FRONT, NAMES, NETWORK, PEERED, SHARED, VPN
from .sketches import EDGE, SERVING, STORAGE, Sketch

MANAGED = "estate-references-are-managed"
PROVED = "estate-unknown-keys-and-roles-are-managed"
ZONES = "estate-zones-serve-known-vpcs"
LISTS = "estate-prefix-lists-are-of-endpoints"
NAMED_GROUPS = "estate-named-groups-are-managed"
DNS = "estate-dns-firewall-blocks-the-rest"
ALIASES = "estate-aliases-lead-to-managed-targets"
RESOLVE = "estate-endpoint-names-resolve-inside"
BLOCKED = "estate-blocked-names-raise-an-alarm"
ACCESS_LOGS = "estate-balancers-write-access-logs"
VPN_KEYS = "estate-vpn-keys-stay-out-of-the-state"
DENY = "estate-namespaces-deny-by-default"
LEAVES = "estate-only-the-gateway-leaves-the-host"
IMAGES = "estate-container-images-are-proved"
DECLARED = "estate-workloads-are-in-a-declared-namespace"
BEHIND = "estate-engines-are-behind-the-gateway"
ANSWER = "estate-engines-answer-the-gateway"
CONFIGURED = "estate-gateway-is-configured-here"
JOINED = "estate-container-networks-are-managed"
TOOLS = {"podSelector": {"matchLabels": {"app": "tools"}}}
WITHOUT = None  # in the place of a spoil: the resource is missing
# rule, sketch, name, spoil of that resource, its changed sources.
SPOILED: Sequence[tuple[str, Sketch, str, Mapping[str, Any] | None, Mapping[str, tuple[str, ...]]]] = [
    (MANAGED, NETWORK, "subnet", {"vpcId": "UNKNOWN"}, {"vpcId": ()}),
    (MANAGED, NETWORK, "pods", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    (MANAGED, NETWORK, "joined", {"routeTableId": "rtb-bad"}, {"routeTableId": ()}),
    (MANAGED, NETWORK, "joined", {}, {"routeTableId": ()}),
    (MANAGED, NETWORK, "filter", {"subnetIds": ["UNKNOWN", "subnet-1", "subnet-bad"]}, {}),
    (MANAGED, NETWORK, "filter", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    (MANAGED, NETWORK, "endpoint", {"subnetIds": ["subnet-1", "subnet-bad"]}, {}),
    (MANAGED, NETWORK, "s3", {"routeTableIds": ["rtb-1", "rtb-bad"]}, {}),
    (MANAGED, NETWORK, "s3", {"routeTableIds": "UNKNOWN"}, {"routeTableIds": ()}),
    (MANAGED, NETWORK, "endpoint", {"securityGroupIds": "UNKNOWN"}, {"securityGroupIds": ()}),
    (MANAGED, NETWORK, "endpoint", {"subnetIds": "UNKNOWN"}, {"subnetIds": ()}),
    (MANAGED, STORAGE, "trail", {"s3BucketName": "exfil-drop"}, {"s3BucketName": ()}),
    (MANAGED, PEERED, "apps", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    (MANAGED, PEERED, "apps-options", {"vpcPeeringConnectionId": "pcx-bad"}, {}),
    (MANAGED, PEERED, "apps-options", {"vpcPeeringConnectionId": "UNKNOWN"}, {}),
    (MANAGED, PEERED, "tools", {"vpcPeeringConnectionId": "pcx-bad"}, {}),
    (MANAGED, PEERED, "tools", {"vpcPeeringConnectionId": "UNKNOWN"}, {}),
    (MANAGED, PEERED, "to-apps", {}, {"vpcPeeringConnectionId": ()}),
    (MANAGED, PEERED, "to-apps", {"vpcPeeringConnectionId": "pcx-bad"}, {"vpcPeeringConnectionId": ()}),
    (MANAGED, PEERED, "to-tools", {"routeTableId": "rtb-bad"}, {"routeTableId": ()}),
    (
        MANAGED,
        NETWORK,
        "table",
        {"routes": [{"cidrBlock": "10.90.0.0/16", "vpcPeeringConnectionId": "pcx-bad"}]},
        {},
    ),
    (
        MANAGED,
        NETWORK,
        "table",
        {"routes": [{"cidrBlock": "10.90.0.0/16", "vpcPeeringConnectionId": "UNKNOWN"}]},
        {},
    ),
    (MANAGED, NETWORK, "table", {"routes": [{"cidrBlock": "10.200.0.0/16", "gatewayId": "vgw-bad"}]}, {}),
    (MANAGED, VPN, "gateway", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    (MANAGED, VPN, "office", {"vpnGatewayId": "vgw-bad"}, {"vpnGatewayId": ()}),
    (MANAGED, VPN, "office", {"customerGatewayId": "cgw-bad"}, {"customerGatewayId": ()}),
    (MANAGED, VPN, "office-static", {"vpnConnectionId": "vpn-bad"}, {"vpnConnectionId": ()}),
    (MANAGED, VPN, "to-office", {"gatewayId": "vgw-bad"}, {"gatewayId": ()}),
    (MANAGED, VPN, "to-office", {}, {"gatewayId": ()}),
    (MANAGED, FRONT, "front", {"subnets": ["subnet-bad"]}, {"subnets": ()}),
    (
        MANAGED,
        FRONT,
        "front",
        {"subnets": None, "subnetMappings": [{"subnetId": "subnet-bad"}]},
        {"subnets": ()},
    ),
    (MANAGED, FRONT, "front", {"securityGroups": ["sg-bad"]}, {"securityGroups": ()}),
    (MANAGED, FRONT, "front", {"accessLogs": {"bucket": "other-111122223333"}}, {"accessLogs": ()}),
    (MANAGED, FRONT, "listener", {}, {"loadBalancerArn": ()}),
    (MANAGED, FRONT, "listener", {}, {"defaultActions": ()}),
    (MANAGED, FRONT, "service", {}, {"networkLoadBalancerArns": ()}),
    (MANAGED, FRONT, "targets", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    (MANAGED, NAMES, "zone-apps", {}, {"zoneId": ()}),
    (PROVED, STORAGE, "trail", {}, {"kmsKeyId": ()}),
    (PROVED, FRONT, "listener", {}, {"certificateArn": ()}),
    (PROVED, VPN, "office", {"tunnel1LogOptions": {"cloudwatchLogOptions": {"logGroupArn": "UNKNOWN"}}}, {}),
    (PROVED, VPN, "office", {"tunnel2LogOptions": "UNKNOWN"}, {"tunnel2LogOptions": ("device",)}),
    (PROVED, NAMES, "alarm", {}, {"alarmActions": ()}),
    (PROVED, NAMES, "topic", {}, {"kmsMasterKeyId": ()}),
    (LISTS, NETWORK, "to-s3", {"prefixListId": "pl-bad"}, {"prefixListId": ()}),
    (LISTS, NETWORK, "to-s3", {"prefixListId": "UNKNOWN"}, {"prefixListId": ()}),
    (LISTS, NETWORK, "to-s3", {"prefixListId": "UNKNOWN"}, {"prefixListId": ("endpoint",)}),
    (LISTS, NETWORK, "nodes", {}, {"egress": ()}),
    (LISTS, NETWORK, "nodes", {}, {"egress": ("endpoint", "group")}),
    (LISTS, NETWORK, "nodes", {}, {"egress": ("s3", "sg")}),
    (LISTS, NETWORK, "nodes", {"egress": {1: {"prefixListIds": ["UNKNOWN", "pl-bad"]}}}, {}),
    (LISTS, NETWORK, "nodes", {"egress": {1: {"prefixListIds": "UNKNOWN"}}}, {"egress": ("group",)}),
    (LISTS, NETWORK, "nodes", {"egress": "UNKNOWN"}, {"egress": ("endpoint",)}),
    (NAMED_GROUPS, NETWORK, "nodes", {}, {"ingress": ()}),
    (NAMED_GROUPS, NETWORK, "nodes", {"ingress": {0: {"securityGroups": ["sg-1", "sg-bad"]}}}, {}),
    (NAMED_GROUPS, NETWORK, "nodes", {"ingress": {0: {"securityGroups": ["sg-bad"]}}}, {"ingress": ()}),
    (NAMED_GROUPS, NETWORK, "to-group", {}, {"sourceSecurityGroupId": ()}),
    (NAMED_GROUPS, NETWORK, "to-group", {"sourceSecurityGroupId": "sg-bad"}, {"sourceSecurityGroupId": ()}),
    (ZONES, NAMES, "zone", {"vpcs": [{"vpcId": "vpc-bad"}]}, {}),
    (ZONES, NAMES, "zone", {}, {"vpcs": ()}),
    (ZONES, NAMES, "zone", {"vpcs": "UNKNOWN"}, {"vpcs": ()}),
    (ZONES, NAMES, "zone-tools", {"vpcId": "vpc-bad"}, {}),
    (ZONES, NAMES, "zone-tools", {"vpcId": "UNKNOWN"}, {}),
    ("estate-public-access-is-blocked", NETWORK, "bpa", WITHOUT, {}),
    ("estate-public-access-is-blocked", NETWORK, "bpa", {"region": "eu-central-1"}, {}),
    ("estate-vpc-defaults-are-adopted", NETWORK, "sg", WITHOUT, {}),
    ("estate-vpc-defaults-are-adopted", NETWORK, "acl", WITHOUT, {}),
    ("estate-subnets-have-a-table", NETWORK, "joined", WITHOUT, {}),
    ("estate-subnets-have-an-acl", NETWORK, "filter", WITHOUT, {}),
    ("estate-subnets-have-an-acl", NETWORK, "filter", {"subnetIds": []}, {"subnetIds": ()}),
    ("estate-tables-lead-to-storage", NETWORK, "s3", WITHOUT, {}),
    ("estate-tables-lead-to-storage", NETWORK, "s3", {"routeTableIds": []}, {"routeTableIds": ()}),
    ("estate-tables-lead-to-storage", NETWORK, "s3", {"vpcEndpointType": "Interface"}, {}),
    ("estate-tables-lead-to-storage", NETWORK, "s3", {"serviceName": "com.amazonaws.eu-west-1.dynamodb"}, {}),
    ("estate-vpc-has-a-dns-firewall", NAMES, "names", WITHOUT, {}),
    (DNS, NAMES, "block", WITHOUT, {}),
    (DNS, NAMES, "block", {"action": "ALERT"}, {}),
    (DNS, NAMES, "block", {"priority": 50}, {}),
    (DNS, NAMES, "allow", {}, {"firewallDomainListId": ("rest",)}),
    (RESOLVE, NAMES, "endpoint", {"privateDnsEnabled": False}, {}),
    (RESOLVE, NAMES, "endpoint", {"privateDnsEnabled": None}, {}),
    (RESOLVE, SHARED, "zone", WITHOUT, {}),
    (RESOLVE, SHARED, "zone", {"name": "kms.eu-west-1.amazonaws.com"}, {}),
    (RESOLVE, SHARED, "zone", {"name": "secretsmanager.eu-west-1.amazonaws.eu"}, {}),
    (RESOLVE, SHARED, "alias", WITHOUT, {}),
    (RESOLVE, SHARED, "alias", {"name": "x.secretsmanager.eu-west-1.amazonaws.com"}, {}),
    (RESOLVE, SHARED, "alias", {}, {"aliases": ("s3",)}),
    (ALIASES, SHARED, "alias", {}, {"aliases": ()}),
    (ALIASES, FRONT, "name", {"aliases": [{"name": "other-1.elb.eu-west-1.amazonaws.com"}]}, {}),
    (ALIASES, FRONT, "name", {"aliases": [{"name": "vpce-2-x.sts.eu-west-1.vpce.amazonaws.com"}]}, {}),
    (BLOCKED, NAMES, "blocked", WITHOUT, {}),
    (BLOCKED, NAMES, "blocked", {"pattern": '{ $.firewall_rule_action = "ALERT" }'}, {}),
    (BLOCKED, NAMES, "blocked", {"logGroupName": "other"}, {"logGroupName": ()}),
    (BLOCKED, NAMES, "alarm", WITHOUT, {}),
    (BLOCKED, NAMES, "alarm", {"metricName": "Other"}, {}),
    (BLOCKED, NAMES, "alarm", {"namespace": "Other"}, {}),
    (BLOCKED, NAMES, "alarm", {"alarmActions": []}, {"alarmActions": ()}),
    (BLOCKED, NAMES, "alarm", {"alarmActions": None}, {"alarmActions": ()}),
    (BLOCKED, NAMES, "alarm", {"actionsEnabled": False}, {}),
    (BLOCKED, NAMES, "alarm", {"comparisonOperator": "LessThanThreshold"}, {}),
    (ACCESS_LOGS, FRONT, "front", {"accessLogs": None}, {}),
    (ACCESS_LOGS, FRONT, "front", {"accessLogs": {"enabled": False}}, {}),
    (ACCESS_LOGS, FRONT, "front", {"accessLogs": {"bucket": ""}}, {"accessLogs": ()}),
    (VPN_KEYS, VPN, "office", {"presharedKeyStorage": None}, {}),
    ("estate-buckets-block-the-public", STORAGE, "logs-block", WITHOUT, {}),
    ("estate-buckets-are-encrypted", STORAGE, "logs-key", WITHOUT, {}),
    (DENY, SERVING, "deny", WITHOUT, {}),
    (DENY, SERVING, "deny", {"metadata": {"namespace": "other"}}, {}),
    (DENY, SERVING, "deny", {"spec": {"policyTypes": ["Ingress"]}}, {}),
    (
        "estate-engines-are-behind-the-gateway",
        SERVING,
        "gateway",
        {"spec": {"selector": {"app.kubernetes.io/name": "vllm"}}},
        {},
    ),
    (BEHIND, SERVING, "gateway", {"spec": {"type": "NodePort", "selector": {"app.kubernetes.io/name": "vllm"}}}, {}),
    (
        BEHIND,
        SERVING,
        "gateway",
        {"spec": {"type": "ClusterIP", "externalIPs": ["10.42.0.9"], "selector": {"app.kubernetes.io/name": "vllm"}}},
        {},
    ),
    (DECLARED, SERVING, "namespace", WITHOUT, {}),
    (DECLARED, SERVING, "engine", {"metadata": {"namespace": "other"}}, {}),
    (DECLARED, SERVING, "engine", {"metadata": {"namespace": "UNKNOWN"}}, {}),
    (ANSWER, SERVING, "engine-rules", {"spec": {"ingress": {0: {"ports": [{"port": 9000}], "from": [TOOLS]}}}}, {}),
    (ANSWER, SERVING, "engine-rules", {"spec": {"ingress": {"+": [{"from": [TOOLS]}]}}}, {}),
    (
        ANSWER,
        SERVING,
        "engine-rules",
        {
            "spec": {
                "podSelector": {
                    "matchLabels": {"app.kubernetes.io/name": None, "app.kubernetes.io/part-of": "cloister"}
                },
                "ingress": {0: {"from": [{"ipBlock": {"cidr": "10.42.0.0/16"}}]}},
            }
        },
        {},
    ),
    (CONFIGURED, SERVING, "gateway-config", WITHOUT, {}),
    (CONFIGURED, SERVING, "gateway-config", {"metadata": {"name": "other"}}, {}),
    (CONFIGURED, SERVING, "gateway-config", {"data": {"token.json": None}}, {}),
    (JOINED, EDGE, "engine", {"networksAdvanced": [{"name": "cloister-inside"}, {"name": "bridge"}]}, {}),
    (JOINED, EDGE, "engine", {"networksAdvanced": [{"name": "UNKNOWN"}]}, {}),
    (LEAVES, EDGE, "engine", {"networksAdvanced": [{"name": "cloister-front"}]}, {}),
    (IMAGES, EDGE, "engine", {}, {"image": ()}),
    (IMAGES, EDGE, "pull", {"name": "docker.io/x@sha256:" + "0" * 64}, {}),
    ("estate-vpc-traffic-is-recorded", NAMES, "packets", WITHOUT, {}),
    ("estate-vpc-traffic-is-recorded", NAMES, "packets", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    ("estate-vpc-traffic-is-recorded", NAMES, "packets", {"vpcId": None, "subnetId": "UNKNOWN"}, {"vpcId": ()}),
    ("estate-vpc-traffic-is-recorded", NAMES, "asked", WITHOUT, {}),
    ("estate-vpc-traffic-is-recorded", NAMES, "asked", {}, {"resourceId": ()}),
    ("estate-calls-are-recorded", ATTACHED, "trail", WITHOUT, {}),
    ("estate-calls-are-recorded", ATTACHED, "trail", {"region": "eu-central-1"}, {}),
    (MANAGED, ATTACHED, "cluster", {"vpcConfig": {"subnetIds": ["UNKNOWN", "subnet-bad"]}}, {}),
    (MANAGED, ATTACHED, "cluster", {"vpcConfig": {"subnetIds": "UNKNOWN"}}, {"vpcConfig": ()}),
    (MANAGED, ATTACHED, "interface", {"subnetId": "subnet-bad"}, {"subnetId": ()}),
    (MANAGED, ATTACHED, "interface", {"securityGroups": ["UNKNOWN", "sg-bad"]}, {}),
    (MANAGED, ATTACHED, "resolver", {"securityGroupIds": ["sg-1", "sg-bad"]}, {"securityGroupIds": ()}),
    (MANAGED, ATTACHED, "resolver", {"ipAddresses": {0: {"subnetId": "subnet-bad"}}}, {"ipAddresses": ()}),
    (MANAGED, ATTACHED, "options-joined", {}, {"dhcpOptionsId": ()}),
    (MANAGED, ATTACHED, "options-joined", {"vpcId": "vpc-bad"}, {"vpcId": ()}),
    (MANAGED, ATTACHED, "template", {"vpcSecurityGroupIds": ["sg-1", "sg-bad"]}, {}),
    (MANAGED, ATTACHED, "build", {"vpcConfig": {"subnets": ["subnet-1", "subnet-bad"]}}, {"vpcConfig": ()}),
    (PROVED, ATTACHED, "granted", {}, {"policyArn": ()}),
]
