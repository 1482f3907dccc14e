"""Route 53: hosted zones and records, and the Resolver's firewall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import Kind

_RESOLVER_ARN: Final = "arn:{partition}:route53resolver:{region}:{account}:"

NAMES: Final[Mapping[str, Kind]] = {
    "aws:route53/zone:Zone": Kind(
        operation="route53.CreateHostedZone",
        immutable=("name", "delegationSetId"),
        outputs={"arn": "arn:{partition}:route53:::hostedzone/{id}"},
        defaults={"comment": "Managed by Pulumi", "forceDestroy": False},
    ),
    "aws:route53/record:Record": Kind(
        # The provider renames a record of another type in place; here it is replaced, since its identifier changes.
        immutable=("zoneId", "name", "type", "setIdentifier"),
    ),
    "aws:route53/zoneAssociation:ZoneAssociation": Kind(immutable=("zoneId", "vpcId", "vpcRegion")),
    "aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization": Kind(
        immutable=("zoneId", "vpcId", "vpcRegion"), id="{zoneId}:{vpcId}"
    ),
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
}
