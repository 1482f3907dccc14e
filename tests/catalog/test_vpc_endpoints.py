import pytest

from components.catalog.endpoint_service import ALWAYS, USES
from components.catalog.endpoint_table import TABLE
from components.catalog.names import Names
from components.catalog.regions import EU_REGIONS, partition
from components.catalog.vpc_endpoints import (
    ADD_ON_REGISTRY_ACCOUNTS,
    allowed_names,
    enabled_uses,
    endpoint_services,
    service_name,
)

ACCOUNT = "111122223333"
WITHOUT_USES = {"s3", "ecr.api", "ecr.dkr", "ec2", "eks", "eks-auth", "sts", "logs", "kms"}


def suffixes(*uses: str) -> set[str]:
    return {service.suffix for service in endpoint_services(uses)}


def actions(suffix: str, *uses: str) -> set[str]:
    [service] = [service for service in endpoint_services(uses) if service.suffix == suffix]
    return set(service.actions)


def names(region: str = "eu-central-1", *uses: str, state_bucket: str | None = None) -> tuple[str, ...]:
    return allowed_names(Names(account_id=ACCOUNT, region=region), uses, state_bucket=state_bucket)


def test_a_platform_that_uses_nothing_more_has_nine_endpoints() -> None:
    assert suffixes() == WITHOUT_USES
    assert enabled_uses(()) == ALWAYS


@pytest.mark.parametrize(
    ("use", "more"),
    [
        ("front", {"elasticloadbalancing"}),
        ("runner", set()),
        ("elastic-pool", {"sqs", "ssm"}),
        ("metrics", {"aps-workspaces", "monitoring"}),
        ("secrets", {"secretsmanager"}),
        ("sessions", {"ssm", "ssmmessages"}),
        ("traces", {"xray"}),
    ],
)
def test_each_use_opens_its_own_endpoints_and_no_others(use: str, more: set[str]) -> None:
    assert suffixes(use) == WITHOUT_USES | more


def test_an_unknown_use_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"'internet' is no use of the network; there are cluster, weights, front"):
        endpoint_services(("metrics", "internet"))


def test_every_endpoint_says_for_each_use_why_and_what_may_be_asked() -> None:
    for service in TABLE:
        assert service.needed_by
        assert service.host_names
        assert service.has_policy
        assert len({need.use for need in service.needed_by}) == len(service.needed_by)
        for need in service.needed_by:
            assert need.use in USES
            assert need.reason
            assert need.actions
            assert not [action for action in need.actions if "*" in action], "an action with a wildcard is no list"
            assert len(set(need.actions)) == len(need.actions)


def test_a_reason_of_a_use_that_is_not_enabled_is_not_given() -> None:
    [plain] = [service for service in endpoint_services(()) if service.suffix == "ec2"]
    [elastic] = [service for service in endpoint_services(("elastic-pool",)) if service.suffix == "ec2"]
    assert "Karpenter" not in plain.reason
    assert "elastic-pool: Karpenter starts and ends nodes" in elastic.reason


def test_actions_follow_the_uses() -> None:
    assert "ec2:RunInstances" not in actions("ec2")
    assert "ec2:RunInstances" in actions("ec2", "elastic-pool")
    assert "s3:PutObject" not in actions("s3")
    assert actions("sts") == {"sts:GetCallerIdentity"}
    assert "sts:AssumeRole" in actions("sts", "runner")
    assert actions("ssm", "elastic-pool").isdisjoint(actions("ssm", "sessions"))


def test_only_s3_is_a_gateway_endpoint() -> None:
    assert [service.suffix for service in TABLE if service.kind == "Gateway"] == ["s3"]


@pytest.mark.parametrize("region", EU_REGIONS)
def test_a_wildcard_never_covers_names_that_customers_choose(region: str) -> None:
    wildcards = {name for name in names(region, *USES, state_bucket="state") if "*" in name}
    assert wildcards == {
        f"*.{region}.eks.{partition(region).dns_suffix}",
        f"*.{region}.compute.internal",
        "*.cloister.internal",
    }


@pytest.mark.parametrize("region", EU_REGIONS)
def test_s3_and_the_registry_are_named_by_bucket_and_account(region: str) -> None:
    suffix = partition(region).dns_suffix
    found = names(region, *USES, state_bucket="state-of-the-bank")
    assert {name.split(".")[0] for name in found if f".s3.{region}.{suffix}" in name} == {
        f"cloister-weights-{ACCOUNT}-{region}",
        f"prod-{region}-starport-layer-bucket",
        "state-of-the-bank",
    }
    assert {name.split(".")[0] for name in found if ".dkr.ecr." in name} == {ACCOUNT, ADD_ON_REGISTRY_ACCOUNTS[region]}
    assert f"s3.{region}.{suffix}" not in found


def test_where_s3_redirects_a_buckets_name_to_is_allowed_as_well() -> None:
    assert "s3-r-w.eu-central-1.amazonaws.com" in names()


def test_the_state_bucket_can_be_resolved_only_where_a_runner_is() -> None:
    state = "state-of-the-bank.s3.eu-central-1.amazonaws.com"
    assert state in names("eu-central-1", "runner", state_bucket="state-of-the-bank")
    assert state not in names("eu-central-1", "metrics", state_bucket="state-of-the-bank")


@pytest.mark.parametrize("region", ["eu-west-3", "eusc-de-east-1"])
def test_every_endpoint_that_is_enabled_has_a_name_and_no_other_has(region: str) -> None:
    for uses in ((), USES):
        found = names(region, *uses)
        for service in TABLE:
            words = {"s3": "s3", "aps-workspaces": "aps-workspaces"}.get(service.suffix, service.suffix).split(".")
            named = [name for name in found if all(word in name.split(".") for word in words)]
            assert bool(named) == (service.suffix in suffixes(*uses)), service.suffix


def test_further_names_are_added_and_no_name_is_there_twice() -> None:
    found = allowed_names(Names(account_id=ACCOUNT, region="eu-west-1"), USES, ("inference.example.internal",))
    assert found[-1] == "inference.example.internal"
    assert len(set(found)) == len(found)


def test_names_of_the_sovereign_cloud_are_its_own() -> None:
    found = names("eusc-de-east-1", *USES)
    assert not [name for name in found if name.endswith(("amazonaws.com", "api.aws"))]
    assert "eks-auth.eusc-de-east-1.api.amazonwebservices.eu" in found


@pytest.mark.parametrize(
    ("suffix", "region", "name"),
    [
        ("s3", "eu-west-1", "com.amazonaws.eu-west-1.s3"),
        ("ecr.dkr", "eu-south-2", "com.amazonaws.eu-south-2.ecr.dkr"),
        ("ecr.dkr", "eusc-de-east-1", "eu.amazonaws.eusc-de-east-1.ecr.dkr"),
        ("ecr.api", "eusc-de-east-1", "eu.amazonaws.eusc-de-east-1.ecr.api"),
        ("sts", "eusc-de-east-1", "com.amazonaws.eusc-de-east-1.sts"),
    ],
)
def test_endpoint_services_are_named_by_region_and_in_the_sovereign_cloud_by_service(
    suffix: str, region: str, name: str
) -> None:
    assert service_name(suffix, region) == name
