import json

from tests.platform_stack import platform


def test_every_flow_is_logged_by_a_role_that_can_write_its_group_only() -> None:
    planned = platform()
    log = planned.one("aws:ec2/flowLog:FlowLog")
    assert log.inputs["trafficType"] == "ALL"
    [statement] = json.loads(planned.one("aws:iam/rolePolicy:RolePolicy", "flow-log-write").inputs["policy"])[
        "Statement"
    ]
    assert statement["Resource"] == [
        "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/vendedlogs/cloister/flows:*"
    ]
    trust = json.loads(planned.one("aws:iam/role:Role", "flow-log-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_the_log_tells_the_true_ends_of_a_packet_and_its_direction() -> None:
    fields = platform().one("aws:ec2/flowLog:FlowLog").inputs["logFormat"].split()
    assert {"${pkt-srcaddr}", "${pkt-dstaddr}", "${flow-direction}", "${traffic-path}"} <= set(fields)
    assert len(set(fields)) == len(fields)
    assert platform().one("aws:ec2/flowLog:FlowLog").inputs["maxAggregationInterval"] == 60
