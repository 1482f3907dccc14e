"""Which names can be resolved inside the VPC; without this, DNS queries leave it past every other lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog.names import Names
from components.catalog.vpc_endpoints import allowed_names

BLOCKED: Final = '{ $.firewall_rule_action = "BLOCK" }'
"""Source: Route 53 Developer Guide, "Values that appear in VPC resolver query logs"."""
METRICS: Final = "Cloister/Network"


@dataclass(frozen=True, kw_only=True)
class NameFirewallArgs:
    """What is guarded, and how queries are recorded.

    Attributes:
        names: physical names of the platform.
        uses: what the names of AWS's services are computed from.
        host_names: further names that may be resolved, such as the gateway's.
        state_bucket: holds the state of the stacks that a runner inside deploys, or None.
        vpc_id: the VPC.
        key_arn: encrypts the query log.
        retention_days: one of CloudWatch's values.
        alarm_topic_arn: told when a name was asked for that is not on the list.
    """

    names: Names
    uses: Sequence[str]
    host_names: Sequence[str]
    state_bucket: str | None
    vpc_id: Input[str]
    key_arn: Input[str]
    retention_days: int
    alarm_topic_arn: Input[str]


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
            f"{name}-known",
            name="cloister-known",
            domains=list(allowed_names(args.names, args.uses, args.host_names, state_bucket=args.state_bucket)),
            opts=child,
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
        log = self._query_log(name, args)
        self._alarm(f"{name}-blocked", args, log)
        self.rule_group_id, self.query_log_arn = rules.id, log.arn
        self.register_outputs({"rule_group_id": rules.id, "query_log_arn": log.arn})

    def _query_log(self, name: str, args: NameFirewallArgs) -> aws.cloudwatch.LogGroup:
        """Every query of the VPC with its answer, and what the firewall did to it."""
        child = ResourceOptions(parent=self)
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
        return log

    def _alarm(self, name: str, args: NameFirewallArgs, log: aws.cloudwatch.LogGroup) -> None:
        """One blocked query is enough: in a sealed VPC nobody asks for a strange name by accident twice."""
        child = ResourceOptions(parent=self)
        aws.cloudwatch.LogMetricFilter(
            name,
            name="cloister-blocked-queries",
            log_group_name=log.name,
            pattern=BLOCKED,
            metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                namespace=METRICS, name="BlockedQueries", value="1", default_value="0"
            ),
            opts=child,
        )
        aws.cloudwatch.MetricAlarm(
            name,
            name="cloister-blocked-queries",
            alarm_description="Something in the VPC asked for a name that is not on the name firewall's list; "
            f"the log group {args.names.log_group('queries')} says what and from where",
            namespace=METRICS,
            metric_name="BlockedQueries",
            statistic="Sum",
            period=300,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[args.alarm_topic_arn],
            opts=child,
        )
