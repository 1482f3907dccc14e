import pulumi
import pulumi_aws as aws
import pytest

from tests.plan import UNKNOWN, plan


def network() -> pulumi.Output[str]:
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
    group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id, opts=pulumi.ResourceOptions(protect=True))
    return group.id


def test_a_plan_knows_where_values_come_from() -> None:
    planned = plan(network)
    group = planned.one("aws:ec2/securityGroup:SecurityGroup")
    assert group.inputs["vpcId"] == "vpc-id"
    assert group.property_dependencies["vpcId"] == (planned.one("aws:ec2/vpc:Vpc").urn,)
    assert group.protect
    assert planned.result == "group-id"


def test_on_a_preview_ids_are_unknown() -> None:
    planned = plan(network, preview=True)
    assert planned.one("aws:ec2/securityGroup:SecurityGroup").inputs["vpcId"] == UNKNOWN


def test_a_lookup_that_the_test_does_not_expect_fails_it() -> None:
    with pytest.raises(Exception, match="looks something up: aws:index/getCallerIdentity"):
        plan(lambda: aws.get_caller_identity_output().account_id)


def test_a_lookup_is_answered_with_what_the_test_gives() -> None:
    answers = {"aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "111122223333"}}
    assert plan(lambda: aws.get_caller_identity_output().account_id, answers=answers).result == "111122223333"


def test_a_program_that_fails_fails_the_plan() -> None:
    def broken() -> None:
        raise ValueError("no such zone")

    with pytest.raises(ValueError, match="no such zone"):
        plan(broken)


def test_one_plan_does_not_leak_into_the_next() -> None:
    assert len(plan(network).resources) == len(plan(network).resources) == 2
