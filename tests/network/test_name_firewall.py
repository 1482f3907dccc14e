import pytest

from components.catalog.endpoint_service import USES
from components.catalog.names import Names
from components.catalog.regions import EU_REGIONS
from components.catalog.vpc_endpoints import allowed_names, service_name
from tests.plan import Plan
from tests.platform_stack import platform


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


def test_known_names_are_allowed_and_everything_else_is_blocked(planned: Plan) -> None:
    rules = sorted(
        planned.of("aws:route53/resolverFirewallRule:ResolverFirewallRule"), key=lambda rule: rule.inputs["priority"]
    )
    assert [rule.inputs["action"] for rule in rules] == ["ALLOW", "BLOCK"]
    lists = {found.urn: found.inputs["domains"] for found in planned.resources if "DomainList" in found.type}
    [known], [everything] = [rule.property_dependencies["firewallDomainListId"] for rule in rules]
    assert lists[everything] == ["*"]
    assert "*" not in lists[known]
    assert "qType" not in rules[1].inputs


def test_the_firewall_guards_the_vpc_fails_closed_and_cannot_be_taken_off_silently(planned: Plan) -> None:
    association = planned.one("aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation")
    assert association.inputs["mutationProtection"] == "ENABLED"
    assert association.property_dependencies["vpcId"] == (planned.one("aws:ec2/vpc:Vpc").urn,)
    config = planned.one("aws:route53/resolverFirewallConfig:ResolverFirewallConfig")
    assert config.inputs["firewallFailOpen"] == "DISABLED"


def test_every_query_is_written_to_an_encrypted_log(planned: Plan) -> None:
    log = planned.one("aws:cloudwatch/logGroup:LogGroup", "name-firewall-queries")
    config = planned.one("aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig")
    assert config.property_dependencies["destinationArn"] == (log.urn,)
    assert log.inputs["kmsKeyId"]
    assert log.inputs["retentionInDays"] == 365


def test_a_blocked_query_raises_an_alarm_that_somebody_hears(planned: Plan) -> None:
    counted = planned.one("aws:cloudwatch/logMetricFilter:LogMetricFilter")
    log = planned.one("aws:cloudwatch/logGroup:LogGroup", "name-firewall-queries")
    assert log.urn in counted.property_dependencies["logGroupName"]
    assert counted.inputs["pattern"] == '{ $.firewall_rule_action = "BLOCK" }'
    alarm = planned.one("aws:cloudwatch/metricAlarm:MetricAlarm")
    metric = counted.inputs["metricTransformation"]
    assert (alarm.inputs["namespace"], alarm.inputs["metricName"]) == (metric["namespace"], metric["name"])
    assert alarm.inputs["threshold"] == 1
    topic = planned.one("aws:sns/topic:Topic")
    assert topic.urn in alarm.property_dependencies["alarmActions"]
    assert topic.inputs["kmsMasterKeyId"]


@pytest.mark.parametrize("region", EU_REGIONS)
def test_a_wildcard_never_covers_names_that_customers_choose(region: str) -> None:
    names = allowed_names(Names(account_id="111122223333", region=region), USES)
    wildcards = {name for name in names if "*" in name}
    suffix = "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
    assert wildcards == {f"*.{region}.eks.{suffix}", f"*.{region}.compute.internal", "*.cloister.internal"}


def test_the_gateways_name_can_be_resolved_inside_where_there_is_a_front() -> None:
    def known(planned: Plan) -> list[str]:
        token = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"
        domains: list[str] = planned.one(token, "name-firewall-known").inputs["domains"]
        return domains

    assert "inference.example.internal" in known(platform("peered"))
    assert "inference.example.internal" not in known(platform("bare"))


def test_a_service_that_is_not_used_cannot_even_be_resolved() -> None:
    names = Names(account_id="111122223333", region="eu-north-1")
    assert "sqs.eu-north-1.amazonaws.com" not in allowed_names(names, ["cluster", "weights"])
    assert "sqs.eu-north-1.amazonaws.com" in allowed_names(names, ["elastic-pool"])


def test_endpoint_services_are_named_by_their_partition() -> None:
    assert service_name("s3", "eu-west-1") == "com.amazonaws.eu-west-1.s3"
    assert service_name("ecr.api", "eusc-de-east-1") == "eu.amazonaws.eusc-de-east-1.ecr.api"
