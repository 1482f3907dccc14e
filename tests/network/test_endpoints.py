import json

import pytest

from components.catalog.vpc_endpoints import SERVICES
from components.settings.layer import PlatformSettings
from tests.plan import Plan, texts
from tests.platform_stack import platform, settings

ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


def statements(planned: Plan, name: str) -> list[dict[str, object]]:
    policy = planned.one("aws:ec2/vpcEndpoint:VpcEndpoint", name).inputs["policy"]
    found: list[dict[str, object]] = json.loads(policy)["Statement"]
    return found


def test_every_service_of_the_catalogue_has_an_endpoint_and_a_reason(planned: Plan) -> None:
    names = {endpoint.inputs["serviceName"] for endpoint in planned.of("aws:ec2/vpcEndpoint:VpcEndpoint")}
    assert names == {f"com.amazonaws.eu-central-1.{service.suffix}" for service in SERVICES}
    assert all(service.reason and service.actions for service in SERVICES)


def test_every_endpoint_answers_under_its_private_name_in_every_zone(planned: Plan) -> None:
    for endpoint in planned.of("aws:ec2/vpcEndpoint:VpcEndpoint"):
        assert endpoint.inputs["vpcEndpointType"] == "Interface"
        assert endpoint.inputs["privateDnsEnabled"] is True
        assert len(endpoint.inputs["subnetIds"]) == 3


def test_s3_has_private_addresses_for_clients_inside_the_vpc(planned: Plan) -> None:
    s3 = planned.one("aws:ec2/vpcEndpoint:VpcEndpoint", "endpoints-s3").inputs
    assert s3["dnsOptions"] == {"privateDnsOnlyForInboundResolverEndpoint": False}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.suffix)
def test_every_statement_pins_principal_and_resource(planned: Plan, service: object) -> None:
    name = f"endpoints-{getattr(service, 'suffix').replace('.', '-')}"  # noqa: B009
    for statement in statements(planned, name):
        if statement["Sid"] == "ImageLayers":
            assert statement["Resource"] == ["arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"]
            assert statement["Action"] == ["s3:GetObject"]
            continue
        condition = statement["Condition"]
        assert isinstance(condition, dict)
        assert set(condition) == {"StringEquals"}
        assert condition["StringEquals"]["aws:PrincipalAccount"] == ACCOUNT
        assert condition["StringEquals"]["aws:ResourceAccount"] in {ACCOUNT, "602401143452"}


def test_no_endpoint_allows_every_action(planned: Plan) -> None:
    for endpoint in planned.of("aws:ec2/vpcEndpoint:VpcEndpoint"):
        actions = [action for found in statements(planned, endpoint.name) for action in texts(found["Action"])]
        assert not {action for action in actions if action.endswith(":*") or action == "*"}


def test_nothing_can_be_written_to_s3_from_inside(planned: Plan) -> None:
    actions = {action for found in statements(planned, "endpoints-s3") for action in texts(found["Action"])}
    assert actions == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"}


def test_endpoints_admit_tls_from_the_vpc_and_declared_peers_only() -> None:
    group = platform(peered=True).one("aws:ec2/securityGroup:SecurityGroup", "endpoints-group").inputs
    [ingress] = group["ingress"]
    assert (ingress["protocol"], ingress["fromPort"], ingress["toPort"]) == ("tcp", 443, 443)
    assert ingress["cidrBlocks"] == ["10.42.0.0/16", "10.90.0.0/16"]
    assert group["egress"] == []


def test_the_settings_of_the_rehearsal_are_the_ones_asked(planned: Plan) -> None:
    assert isinstance(settings(), PlatformSettings)
    assert planned.result["region"] == "eu-central-1"
