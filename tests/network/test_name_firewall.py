import pytest

from components.catalog.names import Names
from components.catalog.regions import EU_REGIONS
from components.catalog.vpc_endpoints import SERVICES, allowed_names, service_name
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


@pytest.mark.parametrize("region", EU_REGIONS)
def test_a_wildcard_never_covers_names_that_customers_choose(region: str) -> None:
    names = allowed_names(Names(account_id="111122223333", region=region))
    wildcards = {name for name in names if "*" in name}
    suffix = "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
    assert wildcards == {f"*.{region}.eks.{suffix}", f"*.{region}.compute.internal", "*.cloister.internal"}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.suffix)
def test_every_endpoint_has_a_name_that_can_be_resolved(service: object) -> None:
    words = str(getattr(service, "suffix")).split(".")  # noqa: B009
    names = allowed_names(Names(account_id="111122223333", region="eu-north-1"))
    assert [name for name in names if all(word in name.split(".") for word in words)]


def test_endpoint_services_are_named_by_their_partition() -> None:
    assert service_name("s3", "eu-west-1") == "com.amazonaws.eu-west-1.s3"
    assert not service_name("s3", "eusc-de-east-1").startswith("com.")
