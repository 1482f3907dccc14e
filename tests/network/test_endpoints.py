import json

import pytest

from components.catalog.endpoint_service import USES
from components.catalog.vpc_endpoints import endpoint_services
from tests.plan import Plan, texts
from tests.platform_stack import platform

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


@pytest.fixture(scope="module")
def bare() -> Plan:
    return platform("bare")


@pytest.fixture(scope="module")
def everything() -> Plan:
    return platform("everything")


def test_what_is_not_used_has_no_door(bare: Plan) -> None:
    names = {endpoint.inputs["serviceName"].rpartition("eu-central-1.")[2] for endpoint in bare.of(ENDPOINT)}
    assert names == {"s3", "ecr.api", "ecr.dkr", "ec2", "eks", "eks-auth", "sts", "logs", "kms"}


def test_every_service_that_is_used_has_an_endpoint_and_a_reason(everything: Plan) -> None:
    names = {endpoint.inputs["serviceName"] for endpoint in everything.of(ENDPOINT)}
    services = endpoint_services(USES)
    assert names == {f"com.amazonaws.eu-central-1.{service.suffix}" for service in services}
    assert all(service.reason and service.actions for service in services)


def test_interface_endpoints_answer_under_their_private_names_in_every_zone(bare: Plan) -> None:
    interfaces = [e for e in bare.of(ENDPOINT) if e.name != "endpoints-s3"]
    assert len(interfaces) == 8
    for endpoint in interfaces:
        assert endpoint.inputs["vpcEndpointType"] == "Interface"
        assert endpoint.inputs["privateDnsEnabled"] is True
        assert len(endpoint.inputs["subnetIds"]) == 3


def test_storage_is_reached_from_every_route_table_without_a_fee(everything: Plan) -> None:
    endpoint = everything.one(ENDPOINT, "endpoints-s3")
    assert endpoint.inputs["vpcEndpointType"] == "Gateway"
    tables = {table.urn for table in everything.of("aws:ec2/routeTable:RouteTable")}
    assert len(tables) == 6
    assert tables <= set(endpoint.property_dependencies["routeTableIds"])


def test_every_endpoint_has_a_policy_that_names_what_may_be_asked(everything: Plan) -> None:
    for endpoint in everything.of(ENDPOINT):
        statements = json.loads(endpoint.inputs["policy"])["Statement"]
        actions = [action for found in statements for action in texts(found["Action"])]
        assert actions
        assert not {action for action in actions if action.endswith("*")}, endpoint.name


def test_nothing_can_be_written_to_s3_from_inside_but_a_runners_state(bare: Plan, everything: Plan) -> None:
    for planned, written in ((bare, set()), (everything, {"cloister-state-111122223333-eu-central-1"})):
        statements = json.loads(planned.one(ENDPOINT, "endpoints-s3").inputs["policy"])["Statement"]
        writing = [s for s in statements if any(a.startswith(("s3:Put", "s3:Delete")) for a in texts(s["Action"]))]
        buckets = {arn.rpartition(":")[2].partition("/")[0] for found in writing for arn in texts(found["Resource"])}
        assert buckets == written


def test_endpoints_hold_callers_and_things_to_the_organisation_where_it_is_named(everything: Plan) -> None:
    for endpoint in everything.of(ENDPOINT):
        assert '"aws:PrincipalOrgID": "o-cl0ister01"' in endpoint.inputs["policy"], endpoint.name


def test_endpoints_admit_tls_from_machines_pods_and_runners_only(everything: Plan) -> None:
    group = everything.one("aws:ec2/securityGroup:SecurityGroup", "endpoints-group").inputs
    [ingress] = group["ingress"]
    assert (ingress["protocol"], ingress["fromPort"], ingress["toPort"]) == ("tcp", 443, 443)
    kinds = ("-nodes-", "-pods-", "-runner-")
    subnets = everything.of("aws:ec2/subnet:Subnet")
    allowed = {subnet.inputs["cidrBlock"] for subnet in subnets if any(kind in subnet.name for kind in kinds)}
    assert set(ingress["cidrBlocks"]) == allowed
    assert group["egress"] == []
