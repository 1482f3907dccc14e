"""Real requests, asked of every endpoint's policy: what our own programs do passes, everything else is refused."""

from itertools import combinations

import pytest

from components.catalog.endpoint_service import USES
from components.catalog.names import Names
from components.catalog.regions import EU_REGIONS
from components.catalog.vpc_endpoints import ADD_ON_REGISTRY_ACCOUNTS, endpoint_services
from components.network.endpoint_policy import endpoint_policy
from tests.network.doors import LONGEST, ORGANISATION, OURS, STATE, THEIRS, Doors


@pytest.fixture(params=["eu-central-1", "eusc-de-east-1"])
def region(request: pytest.FixtureRequest) -> str:
    """One of each partition."""
    return str(request.param)


def test_a_node_pulls_an_own_image(region: str) -> None:
    doors = Doors(region=region)
    image = doors.arn("ecr", "repository/cloister/vllm")
    assert doors.let("ecr.api", "ecr:GetAuthorizationToken")
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"):
        assert doors.let("ecr.dkr", action, image)
    assert not doors.let("ecr.dkr", "ecr:PutImage", image)
    assert not doors.let("ecr.api", "ecr:CreateRepository", image)


def test_a_node_pulls_an_add_on_of_its_region_and_nobody_elses_image(region: str) -> None:
    doors, add_ons = Doors(region=region), ADD_ON_REGISTRY_ACCOUNTS[region]
    pull = "ecr:BatchGetImage"
    assert doors.let("ecr.dkr", pull, doors.arn("ecr", "repository/eks/coredns", add_ons), owner=add_ons)
    assert not doors.let("ecr.dkr", pull, doors.arn("ecr", "repository/eks/coredns", THEIRS), owner=THEIRS)
    assert not doors.let("ecr.dkr", pull, doors.arn("ecr", "repository/cloister/vllm", THEIRS), owner=THEIRS)
    assert not doors.let("ecr.dkr", pull, doors.arn("ecr", "repository/others/tool"))
    with_theirs = doors.arn("ecr", "repository/eks/coredns", add_ons)
    assert not doors.let("ecr.dkr", pull, with_theirs, owner=add_ons, caller=THEIRS)


def test_image_layers_are_read_from_ecrs_bucket_whoever_signed(region: str) -> None:
    doors, aws = Doors(region=region), "999999999999"
    layer = doors.bucket(f"prod-{region}-starport-layer-bucket/sha256:0")
    assert doors.let("s3", "s3:GetObject", layer, caller=aws, owner=aws)
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"):
        assert not doors.let("s3", action, layer, caller=aws, owner=aws)
    elsewhere = doors.bucket("prod-us-east-1-starport-layer-bucket/sha256:0")
    assert not doors.let("s3", "s3:GetObject", elsewhere, caller=aws, owner=aws)


def test_a_loader_reads_weights_of_our_bucket_only(region: str) -> None:
    doors = Doors(region=region)
    assert doors.let("s3", "s3:GetObject", f"{doors.weights}/qwen3-8b/model.safetensors")
    assert doors.let("s3", "s3:ListBucket", doors.weights)
    assert not doors.let("s3", "s3:GetObject", doors.bucket("a-stranger/model.safetensors"), owner=THEIRS)
    assert not doors.let("s3", "s3:GetObject", f"{doors.weights}-of-a-stranger/m", owner=THEIRS)
    assert not doors.let("s3", "s3:GetObject", f"{doors.weights}/m", owner=THEIRS), "our name, their bucket"
    assert not doors.let("s3", "s3:GetObject", f"{doors.audit}/record")


def test_foreign_credentials_are_of_no_use_inside(region: str) -> None:
    doors = Doors(region=region, uses=USES, state_bucket=STATE)
    layers = doors.bucket(f"prod-{region}-starport-layer-bucket/*")
    for service in endpoint_services(USES):
        for action in service.actions:
            for resource in ("*", doors.weights, doors.arn("kms", "key/1"), doors.arn("ecr", "repository/cloister/a")):
                assert not doors.let(service.suffix, action, resource, caller=THEIRS), (action, resource)
    assert doors.let("s3", "s3:GetObject", layers, caller=THEIRS), "ECR's layers alone know no caller"


def test_no_endpoint_leads_to_a_foreign_accounts_things(region: str) -> None:
    doors = Doors(region=region, uses=USES, state_bucket=STATE)
    for service in endpoint_services(USES):
        own, foreign = (doors.arn(service.suffix.split(".")[0], "a/b", account) for account in (OURS, THEIRS))
        for action in service.actions:
            for resource in ("*", own, foreign, doors.bucket("theirs/key"), f"{doors.weights}/m"):
                assert not doors.let(service.suffix, action, resource, owner=THEIRS), (action, resource)


@pytest.mark.parametrize("uses", [(), tuple(use for use in USES if use != "runner"), USES])
def test_nothing_is_written_to_s3_unless_a_state_bucket_is_declared(region: str, uses: tuple[str, ...]) -> None:
    doors = Doors(region=region, uses=uses)
    for target in (doors.weights, doors.audit, doors.bucket(STATE)):
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"):
            assert not doors.let("s3", action, f"{target}/key")
        assert not doors.let("s3", "s3:PutBucketPolicy", target)


def test_a_runner_keeps_state_in_its_bucket_and_nowhere_else(region: str) -> None:
    doors = Doors(region=region, uses=("runner",), state_bucket=STATE)
    state = doors.bucket(f"{STATE}/.pulumi/stacks/serving-dev.json")
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert doors.let("s3", action, state)
        assert not doors.let("s3", action, state, owner=THEIRS)
    assert not doors.let("s3", "s3:PutObject", f"{doors.weights}/m")
    assert not doors.let("s3", "s3:DeleteObjectVersion", state), "what was once written stays"
    assert not Doors(region=region, state_bucket=STATE).let("s3", "s3:PutObject", state), "no runner, no state"


def test_a_token_is_signed_by_our_key_only(region: str) -> None:
    doors = Doors(region=region)
    assert doors.let("kms", "kms:Sign", doors.arn("kms", "key/1"))
    assert not doors.let("kms", "kms:Sign", doors.arn("kms", "key/1", THEIRS), owner=THEIRS)
    for action in ("kms:CreateGrant", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:Decrypt"):
        assert not doors.let("kms", action, doors.arn("kms", "key/1"))


def test_secrets_of_state_are_opened_where_a_runner_is(region: str) -> None:
    key = Doors(region=region).arn("kms", "key/1")
    assert Doors(region=region, uses=("runner",)).let("kms", "kms:Decrypt", key)
    assert not Doors(region=region, uses=("metrics",)).let("kms", "kms:Decrypt", key)


def test_a_registrar_moves_targets_of_the_gateways_group_and_makes_nothing(region: str) -> None:
    doors, suffix = Doors(region=region, uses=("front",)), "elasticloadbalancing"
    group, other = (doors.arn(suffix, f"targetgroup/{name}/0123456789abcdef") for name in ("cloister-gateway", "other"))
    for action in ("RegisterTargets", "DeregisterTargets"):
        assert doors.let(suffix, f"{suffix}:{action}", group)
        assert not doors.let(suffix, f"{suffix}:{action}", other)
        assert not doors.let(suffix, f"{suffix}:{action}", group, owner=THEIRS)
    assert doors.let(suffix, f"{suffix}:DescribeTargetHealth")
    for action in ("CreateLoadBalancer", "CreateListener", "ModifyTargetGroup", "SetSecurityGroups"):
        assert not doors.let(suffix, f"{suffix}:{action}", group)
        assert not doors.let(suffix, f"{suffix}:{action}")


def test_the_cni_gives_addresses_to_pods_and_only_karpenter_starts_machines(region: str) -> None:
    plain, elastic = Doors(region=region), Doors(region=region, uses=("elastic-pool",))
    interface, instance = plain.arn("ec2", "network-interface/eni-1"), plain.arn("ec2", "instance/i-1")
    for doors in (plain, elastic):
        assert doors.let("ec2", "ec2:AssignPrivateIpAddresses", interface)
        assert doors.let("ec2", "ec2:DescribeInstances")
        for action in (
            "CreateRoute",
            "CreateInternetGateway",
            "AuthorizeSecurityGroupEgress",
            "CreateVpcPeeringConnection",
        ):
            assert not doors.let("ec2", f"ec2:{action}")
    for action in ("ec2:RunInstances", "ec2:CreateFleet", "ec2:TerminateInstances"):
        assert elastic.let("ec2", action, instance)
        assert not plain.let("ec2", action, instance)


def test_karpenter_starts_machines_from_images_of_aws_or_our_own(region: str) -> None:
    doors, aws = Doors(region=region, uses=("elastic-pool",)), "602401143452"
    image = doors.arn("ec2", "image/ami-1", "")
    assert doors.let("ec2", "ec2:RunInstances", image, owner=aws, image_owner="amazon")
    assert doors.let(
        "ec2", "ec2:RunInstances", doors.arn("ec2", "snapshot/snap-1", ""), owner=aws, image_owner="amazon"
    )
    assert doors.let("ec2", "ec2:RunInstances", image, image_owner=OURS)
    assert not doors.let("ec2", "ec2:RunInstances", image, owner=THEIRS, image_owner=THEIRS)
    assert not doors.let("ec2", "ec2:RunInstances", image, owner=THEIRS, image_owner="aws-marketplace")
    assert not doors.let("ec2", "ec2:RunInstances", image, owner=aws, image_owner="amazon", caller=THEIRS)


def test_karpenter_reads_aws_parameters_and_no_others(region: str) -> None:
    doors, aws = Doors(region=region, uses=("elastic-pool",)), "999999999999"
    parameter = doors.arn("ssm", "parameter/aws/service/eks/optimized-ami/1.36/amazon-linux-2023", "")
    assert doors.let("ssm", "ssm:GetParameter", parameter, owner=aws)
    assert not doors.let("ssm", "ssm:GetParameter", doors.arn("ssm", "parameter/database/password"))
    assert not doors.let("ssm", "ssm:GetParameter", doors.arn("ssm", "parameter/x", THEIRS), owner=THEIRS)
    secret = doors.arn("ssm", "parameter/aws/reference/secretsmanager/webhook", "")
    assert not doors.let("ssm", "ssm:GetParameter", secret, owner=aws)
    assert not doors.let("ssm", "ssm:SendCommand")


@pytest.mark.parametrize(
    ("use", "suffix", "action", "service", "resource"),
    [
        ("cluster", "eks", "eks:DescribeCluster", "eks", "cluster/cloister"),
        ("cluster", "eks-auth", "eks-auth:AssumeRoleForPodIdentity", "eks", "cluster/cloister"),
        ("cluster", "sts", "sts:GetCallerIdentity", "", ""),
        ("cluster", "logs", "logs:PutLogEvents", "logs", "log-group:/aws/vendedlogs/cloister/gateway:log-stream:a"),
        ("runner", "sts", "sts:AssumeRole", "", ""),
        ("elastic-pool", "sqs", "sqs:ReceiveMessage", "sqs", "karpenter"),
        ("metrics", "aps-workspaces", "aps:RemoteWrite", "aps", "workspace/ws-1"),
        ("metrics", "monitoring", "cloudwatch:PutMetricData", "", ""),
        ("secrets", "secretsmanager", "secretsmanager:GetSecretValue", "secretsmanager", "secret:webhook-AbCdEf"),
        ("sessions", "ssm", "ssm:UpdateInstanceInformation", "", ""),
        ("sessions", "ssmmessages", "ssmmessages:OpenDataChannel", "", ""),
        ("traces", "xray", "xray:PutTraceSegments", "", ""),
    ],
)
def test_every_use_does_its_work_and_no_more(
    region: str, use: str, suffix: str, action: str, service: str, resource: str
) -> None:
    doors = Doors(region=region, uses=(use,))
    asked = doors.arn(service, resource) if service else "*"
    assert doors.let(suffix, action, asked)
    assert not doors.let(suffix, action, asked, caller=THEIRS)
    assert not doors.let(suffix, action, asked, owner=THEIRS)
    for other in ("Delete", "Create", "Put", "Update"):
        assert not doors.let(suffix, f"{action.split(':')[0]}:{other}Everything", asked)
    if service:
        assert not doors.let(suffix, action, doors.arn(service, resource, THEIRS))


def test_another_cluster_of_the_account_cannot_be_asked_about(region: str) -> None:
    doors = Doors(region=region)
    assert not doors.let("eks", "eks:DescribeCluster", doors.arn("eks", "cluster/another"))
    assert not doors.let("eks", "eks:ListClusters")


def test_an_organisation_narrows_every_door_and_widens_none(region: str) -> None:
    free, held = Doors(region=region, uses=USES), Doors(region=region, uses=USES, organisation=ORGANISATION)
    assert held.let("s3", "s3:GetObject", f"{held.weights}/m")
    assert free.let("s3", "s3:GetObject", f"{free.weights}/m", caller_organisation="o-other")
    assert not held.let("s3", "s3:GetObject", f"{held.weights}/m", caller_organisation="o-other")
    assert not held.let("s3", "s3:GetObject", f"{held.weights}/m", owner_organisation="o-other")
    assert not held.let("sts", "sts:GetCallerIdentity", caller=THEIRS), "of the organisation, but not of the account"
    add_ons = ADD_ON_REGISTRY_ACCOUNTS[region]
    image = held.arn("ecr", "repository/eks/coredns", add_ons)
    pull = "ecr:BatchGetImage"
    assert held.let("ecr.dkr", pull, image, owner=add_ons, owner_organisation="o-aws")
    assert not held.let("ecr.dkr", pull, image, owner=add_ons, owner_organisation="o-aws", caller_organisation="o-b")


def test_a_policy_without_a_use_is_refused() -> None:
    [xray] = [service for service in endpoint_services(("traces",)) if service.suffix == "xray"]
    with pytest.raises(LookupError, match=r"'xray' is needed by none of front, metrics"):
        endpoint_policy(xray, Names(account_id=OURS, region="eu-west-1"), ("metrics", "front"))


@pytest.mark.parametrize("region", EU_REGIONS)
def test_policies_fit_and_speak_of_their_own_partition_whatever_is_used(region: str) -> None:
    names = Names(account_id=OURS, region=region)
    other = "arn:aws:" if region.startswith("eusc-") else "arn:aws-eusc:"
    for uses in (pair for size in range(3) for pair in combinations(USES, size)):
        for service in endpoint_services(uses):
            policy = endpoint_policy(service, names, uses, organisation=ORGANISATION, state_bucket=STATE)
            assert len(policy) <= LONGEST
            assert other not in policy
            assert '"Action": []' not in policy
            assert ":*" not in " ".join(action for action in service.actions)
