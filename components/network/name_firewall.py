"""Which names can be resolved inside the VPC; without this, DNS queries leave it past every other lock."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog.names import Names
from components.catalog.vpc_endpoints import allowed_names


@dataclass(frozen=True, kw_only=True)
class NameFirewallArgs:
    """What is guarded, and how queries are recorded.

    Attributes:
        names: physical names of the platform.
        vpc_id: the VPC.
        key_arn: encrypts the query log.
        retention_days: one of CloudWatch's values.
    """

    names: Names
    vpc_id: Input[str]
    key_arn: Input[str]
    retention_days: int


class NameFirewall(pulumi.ComponentResource):
    """The VPC's resolver answers for the names of a finite list and for no other, and writes every query down.

    Outputs:
        rule_group_id: str.
        query_log_arn: str.
    Source: Route 53 Developer Guide, "Using DNS Firewall to filter outbound DNS traffic".
    """

    rule_group_id: Output[str]
    query_log_arn: Output[str]

    def __init__(self, name: str, args: NameFirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:NameFirewall", name, None, opts)
        child = ResourceOptions(parent=self)
        known = aws.route53.ResolverFirewallDomainList(
            f"{name}-known", name="cloister-known", domains=list(allowed_names(args.names)), opts=child
        )
        everything = aws.route53.ResolverFirewallDomainList(
            f"{name}-everything", name="cloister-everything", domains=["*"], opts=child
        )
        rules = aws.route53.ResolverFirewallRuleGroup(f"{name}-rules", name="cloister", opts=child)
        allow = aws.route53.ResolverFirewallRule(
            f"{name}-allow-known",
            name="allow-known",
            action="ALLOW",
            priority=100,
            firewall_domain_list_id=known.id,
            firewall_domain_redirection_action="INSPECT_REDIRECTION_DOMAIN",
            firewall_rule_group_id=rules.id,
            opts=child,
        )
        block = aws.route53.ResolverFirewallRule(
            f"{name}-block-rest",
            name="block-rest",
            action="BLOCK",
            block_response="NXDOMAIN",
            priority=200,
            firewall_domain_list_id=everything.id,
            firewall_rule_group_id=rules.id,
            opts=child,
        )
        aws.route53.ResolverFirewallConfig(
            f"{name}-fail-closed", resource_id=args.vpc_id, firewall_fail_open="DISABLED", opts=child
        )
        aws.route53.ResolverFirewallRuleGroupAssociation(
            f"{name}-vpc",
            name="cloister",
            firewall_rule_group_id=rules.id,
            vpc_id=args.vpc_id,
            priority=101,
            mutation_protection="ENABLED",
            opts=ResourceOptions(parent=self, depends_on=[allow, block]),
        )
        log = aws.cloudwatch.LogGroup(
            f"{name}-queries",
            name=args.names.log_group("queries"),
            kms_key_id=args.key_arn,
            retention_in_days=args.retention_days,
            opts=child,
        )
        config = aws.route53.ResolverQueryLogConfig(
            f"{name}-queries", name="cloister", destination_arn=log.arn, opts=child
        )
        aws.route53.ResolverQueryLogConfigAssociation(
            f"{name}-queries", resolver_query_log_config_id=config.id, resource_id=args.vpc_id, opts=child
        )
        self.rule_group_id, self.query_log_arn = rules.id, log.arn
        self.register_outputs({"rule_group_id": rules.id, "query_log_arn": log.arn})
