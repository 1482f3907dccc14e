"""VPC ranges, gateway endpoints and peerings, in the AWS stand-in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

import components.catalog
from sandbox.providers.serve import ProviderError
from tests.sandbox.aws_lab import Lab, lab

pytestmark = pytest.mark.servers

RANGE = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter"
OTHER_ACCOUNT = "444455556666"
DATA = Path(components.catalog.__file__).parent / "data"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("aws"), "eu-central-1") as made:
        yield made


def published(file: str, column: str, region: str) -> list[str]:
    with (DATA / file).open(newline="") as rows:
        return [row[column] for row in csv.DictReader(rows) if row["region"] == region]


def test_a_further_range_of_a_vpc_holds_subnets_and_stays_as_long_as_they_do(account: Lab) -> None:
    vpc, _ = account.vpc("ranges")
    added = account.create(RANGE, "pods", {"vpcId": vpc.id, "cidrBlock": "100.64.0.0/16"})
    inputs = {"vpcId": vpc.id, "cidrBlock": "100.64.32.0/19", "availabilityZone": "eu-central-1b"}
    subnet = account.create("aws:ec2/subnet:Subnet", "pods-b", inputs)
    sets = account.client("ec2").describe_vpcs(VpcIds=[vpc.id])["Vpcs"][0]["CidrBlockAssociationSet"]
    assert [entry["CidrBlock"] for entry in sets] == ["10.42.0.0/16", "100.64.0.0/16"]
    assert account.replaces(added, {"cidrBlock": "100.65.0.0/16"}) == ["cidrBlock"]

    with pytest.raises(ProviderError, match=r"InvalidCidrBlock\.InUse"):
        account.delete(added)
    account.delete(subnet)
    account.delete(added)
    assert account.read(added) is None
    with pytest.raises(ProviderError, match=r"InvalidSubnet\.Range"):
        account.create("aws:ec2/subnet:Subnet", "pods-c", inputs)


@pytest.mark.parametrize(
    ("cidr", "words"),
    [
        ("172.20.0.0/16", "AWS does not add 172.20.0.0/16 to a VPC of 10.42.0.0/16"),
        ("100.64.0.0/10", "use a /16 to /28"),
        ("10.42.128.0/20", "overlaps 10.42.0.0/16"),
    ],
)
def test_a_range_that_aws_does_not_add_is_refused(account: Lab, cidr: str, words: str) -> None:
    vpc, _ = account.vpc(f"refusing-{cidr}", zones="")
    with pytest.raises(ProviderError, match=words) as refusal:
        account.create(RANGE, f"refused-{cidr}", {"vpcId": vpc.id, "cidrBlock": cidr})
    assert "\n" not in str(refusal.value)


def test_a_gateway_endpoint_tells_the_published_prefix_list_and_ranges(account: Lab) -> None:
    vpc, _ = account.vpc("gateway", zones="")
    tables = [account.create("aws:ec2/routeTable:RouteTable", name, {"vpcId": vpc.id}) for name in "ab"]
    service = {"serviceName": "com.amazonaws.eu-central-1.s3", "vpcEndpointType": "Gateway"}
    endpoint = account.create(ENDPOINT, "s3", {"vpcId": vpc.id, **service, "routeTableIds": [tables[0].id]})
    assert [endpoint.outputs["prefixListId"]] == published("s3_prefix_lists.csv", "prefix_list_id", "eu-central-1")
    assert endpoint.outputs["cidrBlocks"] == published("s3_ranges.csv", "cidr", "eu-central-1")

    rule = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListIds": [endpoint.outputs["prefixListId"]]}
    group = account.create("aws:ec2/securityGroup:SecurityGroup", "nodes", {"vpcId": vpc.id, "egress": [rule]})
    described = account.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]
    lists = [entry["PrefixListId"] for entry in described["IpPermissionsEgress"][0]["PrefixListIds"]]
    assert lists == [endpoint.outputs["prefixListId"]]
    wrong = {**rule, "prefixListIds": ["pl-0123456789abcdef0"]}
    with pytest.raises(ProviderError, match="'pl-0123456789abcdef0' does not exist"):
        account.create("aws:ec2/securityGroup:SecurityGroup", "wrong", {"vpcId": vpc.id, "egress": [wrong]})

    endpoint = account.update(endpoint, {"routeTableIds": [table.id for table in tables]})
    for table in tables:
        routes = account.client("ec2").describe_route_tables(RouteTableIds=[table.id])["RouteTables"][0]["Routes"]
        assert endpoint.outputs["prefixListId"] in [route.get("DestinationPrefixListId") for route in routes]
    assert account.replaces(endpoint, {"serviceName": "com.amazonaws.eu-central-1.dynamodb"}) == ["serviceName"]

    account.delete(endpoint)
    assert account.read(endpoint) is None


def test_an_interface_endpoint_has_host_names_of_the_region(account: Lab) -> None:
    vpc, subnets = account.vpc("interface")
    service = {"serviceName": "com.amazonaws.eu-central-1.ecr.api", "vpcEndpointType": "Interface"}
    endpoint = account.create(ENDPOINT, "ecr", {"vpcId": vpc.id, **service, "subnetIds": [s.id for s in subnets]})
    (entry,) = endpoint.outputs["dnsEntries"]
    assert entry["dnsName"].startswith(f"{endpoint.id}-")
    assert entry["dnsName"].endswith(".api.ecr.eu-central-1.vpce.amazonaws.com")
    account.delete(endpoint)


def test_a_request_to_another_account_waits_for_its_answer(account: Lab) -> None:
    vpc, _ = account.vpc("requester", zones="")
    peer = {"peerVpcId": "vpc-0aaaaaaaaaaaaaaaa", "peerOwnerId": OTHER_ACCOUNT}
    first = account.create(PEERING, "first", {"vpcId": vpc.id, **peer})
    second = account.create(PEERING, "second", {"vpcId": vpc.id, **peer, "peerVpcId": "vpc-0bbbbbbbbbbbbbbbb"})
    assert first.outputs["acceptStatus"] == "pending-acceptance"
    assert account.replaces(first, {"peerVpcId": "vpc-0cccccccccccccccc"}) == ["peerVpcId"]
    with pytest.raises(ProviderError, match="OperationNotPermitted"):
        account.create(ACCEPTER, "own", {"vpcPeeringConnectionId": first.id, "autoAccept": True})

    account.delete(first)
    assert account.read(first) is None
    assert account.read(second) is not None


def test_a_request_of_another_account_is_accepted_and_routed_to(account: Lab) -> None:
    vpc, _ = account.vpc("accepter", zones="")
    theirs = account.of_another_account("ec2", OTHER_ACCOUNT)
    peer = theirs.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]
    request = theirs.create_vpc_peering_connection(VpcId=peer, PeerVpcId=vpc.id, PeerOwnerId="111122223333")
    identifier = request["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    accepter = account.create(ACCEPTER, "apps", {"vpcPeeringConnectionId": identifier})
    assert accepter.outputs["acceptStatus"] == "pending-acceptance"
    accepter = account.update(accepter, {"autoAccept": True})
    assert accepter.id == identifier
    expected = {"acceptStatus": "active", "vpcId": vpc.id, "peerVpcId": peer, "peerOwnerId": OTHER_ACCOUNT}
    assert expected.items() <= accepter.outputs.items()
    seen = theirs.describe_vpc_peering_connections(VpcPeeringConnectionIds=[identifier])
    assert seen["VpcPeeringConnections"][0]["Status"]["Code"] == "active"
    assert account.replaces(accepter, {"vpcPeeringConnectionId": "pcx-0123456789abcdef0"}) == ["vpcPeeringConnectionId"]

    table = account.create("aws:ec2/routeTable:RouteTable", "front", {"vpcId": vpc.id})
    way = {"routeTableId": table.id, "destinationCidrBlock": "10.90.0.0/16", "vpcPeeringConnectionId": identifier}
    route = account.create("aws:ec2/route:Route", "apps", way)
    assert account.read(route) is not None
    account.delete(route)
    account.delete(accepter)
    assert account.client("ec2").describe_vpc_peering_connections()["VpcPeeringConnections"], "only taken out of care"


def test_a_connection_that_nobody_requested_cannot_be_accepted(account: Lab) -> None:
    with pytest.raises(ProviderError, match=r"vpcPeeringConnectionId: 'pcx-0123456789abcdef0' does not exist"):
        account.create(ACCEPTER, "nobody", {"vpcPeeringConnectionId": "pcx-0123456789abcdef0", "autoAccept": True})


def test_a_network_outlives_a_restart(account: Lab) -> None:
    vpc, subnets = account.vpc("kept")
    added = account.create(RANGE, "kept", {"vpcId": vpc.id, "cidrBlock": "100.64.0.0/16"})
    inputs = {"vpcId": vpc.id, "cidrBlock": "100.64.32.0/19", "availabilityZone": "eu-central-1b"}
    pods = account.create("aws:ec2/subnet:Subnet", "kept-pods", inputs)
    table = account.create("aws:ec2/routeTable:RouteTable", "kept", {"vpcId": vpc.id})
    service = {"serviceName": "com.amazonaws.eu-central-1.s3", "vpcEndpointType": "Gateway"}
    endpoint = account.create(ENDPOINT, "kept", {"vpcId": vpc.id, **service, "routeTableIds": [table.id]})
    rule = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListIds": [endpoint.outputs["prefixListId"]]}
    group = account.create("aws:ec2/securityGroup:SecurityGroup", "kept", {"vpcId": vpc.id, "egress": [rule]})
    # The second request must not depend on the first having opened the other account.
    peer = {"vpcId": vpc.id, "peerOwnerId": "777788889999"}
    first, second = (
        account.create(PEERING, f"kept-{name}", {**peer, "peerVpcId": f"vpc-0{name * 16}"}) for name in "ab"
    )
    own, _ = account.vpc("kept-peer", "10.90.0.0/16", zones="")
    asked = account.create(PEERING, "kept-own", {"vpcId": own.id, "peerVpcId": vpc.id})
    accepted = account.create(ACCEPTER, "kept", {"vpcPeeringConnectionId": asked.id, "autoAccept": True})
    account.delete(first)
    account.outlives_a_restart(vpc, *subnets, added, pods, table, endpoint, group, second, accepted)
