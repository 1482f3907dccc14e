"""Hosted zones, records and the VPCs that see them, in the AWS stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.providers.serve import ProviderError
from tests.sandbox.aws_lab import Lab, Refused, lab

pytestmark = pytest.mark.servers

ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
ASSOCIATION = "aws:route53/zoneAssociation:ZoneAssociation"
AUTHORIZATION = "aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization"
HOST = "inference.example.internal"
BALANCER = {"name": "b-1.elb.eu-central-1.amazonaws.com", "zoneId": "Z3F0SRJ5LGBH90", "evaluateTargetHealth": False}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("aws"), "eu-central-1") as made:
        yield made


def seen_by(account: Lab, zone: str) -> list[str]:
    found = account.client("route53").get_hosted_zone(Id=zone)
    return [vpc["VPCId"] for vpc in found["VPCs"]]


def test_the_life_of_a_private_zone_with_an_alias(account: Lab) -> None:
    vpc, _ = account.vpc("own", zones="")
    zone = account.create(ZONE, "front", {"name": HOST, "vpcs": [{"vpcId": vpc.id}]})
    assert zone.outputs["zoneId"] == zone.id
    assert account.client("route53").get_hosted_zone(Id=zone.id)["HostedZone"]["Config"]["PrivateZone"]
    assert seen_by(account, zone.id) == [vpc.id]

    record = account.create(RECORD, "front", {"zoneId": zone.id, "name": HOST, "type": "A", "aliases": [BALANCER]})
    assert record.id == f"{zone.id}_{HOST}_A"
    assert record.outputs["fqdn"] == HOST
    text = {"zoneId": zone.id, "name": f"note.{HOST}", "type": "TXT", "ttl": 60, "records": ['"one"', '"two"']}
    note = account.create(RECORD, "note", text)

    other = {**BALANCER, "name": "b-2.elb.eu-central-1.amazonaws.com"}
    record = account.update(record, {"aliases": [other]})
    sets = account.client("route53").list_resource_record_sets(HostedZoneId=zone.id)["ResourceRecordSets"]
    (alias,) = [entry["AliasTarget"] for entry in sets if "AliasTarget" in entry]
    assert alias["DNSName"] == "b-2.elb.eu-central-1.amazonaws.com."
    assert account.replaces(record, {"name": f"x.{HOST}"}) == ["name"]
    assert account.replaces(zone, {"name": "other.internal"}) == ["name"]
    assert account.replaces(zone, {"comment": "another"}) == []

    with pytest.raises(ProviderError, match="HostedZoneNotEmpty"):
        account.delete(zone)
    account.delete(record)
    assert account.read(record) is None
    account.delete(account.update(zone, {"forceDestroy": True}))
    assert account.read(zone) is None
    assert account.read(note) is None


def test_another_vpc_of_the_account_is_associated_and_leaves_again(account: Lab) -> None:
    own, _ = account.vpc("first", zones="")
    peer, _ = account.vpc("second", "10.90.0.0/16", zones="")
    zone = account.create(ZONE, "shared", {"name": "sts.eu-central-1.amazonaws.com", "vpcs": [{"vpcId": own.id}]})
    association = account.create(ASSOCIATION, "shared", {"zoneId": zone.id, "vpcId": peer.id})
    assert seen_by(account, zone.id) == [own.id, peer.id]
    assert association.outputs["owningAccount"] == "111122223333"
    with pytest.raises(ProviderError, match="ConflictingDomainExists"):
        account.create(ASSOCIATION, "again", {"zoneId": zone.id, "vpcId": peer.id})
    assert account.replaces(association, {"vpcId": own.id}) == ["vpcId"]

    account.delete(association)
    assert account.read(association) is None
    assert seen_by(account, zone.id) == [own.id]


def test_a_vpc_of_another_account_is_authorised_only(account: Lab) -> None:
    own, _ = account.vpc("authorising", zones="")
    zone = account.create(ZONE, "authorising", {"name": "a.internal", "vpcs": [{"vpcId": own.id}]})
    inputs = {"zoneId": zone.id, "vpcId": "vpc-0123456789abcdef0"}
    authorization = account.create(AUTHORIZATION, "apps", inputs)
    assert authorization.id == f"{zone.id}:vpc-0123456789abcdef0"
    assert seen_by(account, zone.id) == [own.id], "the other account has to associate it itself"
    with pytest.raises(ProviderError, match="exists already"):
        account.create(AUTHORIZATION, "again", inputs)
    assert account.replaces(authorization, {"vpcId": own.id}) == ["vpcId"]
    account.delete(authorization)
    assert account.read(authorization) is None


def test_names_outlive_a_restart(account: Lab) -> None:
    own, _ = account.vpc("kept", zones="")
    peer, _ = account.vpc("kept-peer", "10.90.0.0/16", zones="")
    zone = account.create(ZONE, "kept", {"name": "kept.internal", "vpcs": [{"vpcId": own.id}]})
    alias = {"zoneId": zone.id, "name": "kept.internal", "type": "A", "aliases": [BALANCER]}
    text = {"zoneId": zone.id, "name": "note.kept.internal", "type": "TXT", "ttl": 60, "records": ['"one"', '"two"']}
    records = [account.create(RECORD, f"kept-{inputs['type']}", inputs) for inputs in (alias, text)]
    association = account.create(ASSOCIATION, "kept", {"zoneId": zone.id, "vpcId": peer.id})
    authorization = account.create(AUTHORIZATION, "kept", {"zoneId": zone.id, "vpcId": "vpc-0123456789abcdef0"})
    account.outlives_a_restart(zone, *records, association, authorization)
    assert seen_by(account, zone.id) == [own.id, peer.id]


def test_a_record_must_belong_to_a_zone_that_exists(account: Lab) -> None:
    own, _ = account.vpc("records", zones="")
    zone = account.create(ZONE, "records", {"name": "b.internal", "vpcs": [{"vpcId": own.id}]})
    good = {"zoneId": zone.id, "name": "b.internal", "type": "A", "aliases": [BALANCER]}
    account.create(RECORD, "good", good)
    with pytest.raises(ProviderError, match=r"A record 'b\.internal' exists already"):
        account.create(RECORD, "twin", good)
    with pytest.raises(ProviderError, match="not permitted in zone"):
        account.create(RECORD, "elsewhere", {**good, "name": "c.internal"})
    with pytest.raises(ProviderError, match="zoneId: hosted zone 'Z0123456789ABCDEFGHIJ' does not exist"):
        account.create(RECORD, "nowhere", {**good, "zoneId": "Z0123456789ABCDEFGHIJ"})
    with pytest.raises(ProviderError, match=r"vpcs\[0\]\.vpcId: 'vpc-0123456789abcdef0' does not exist"):
        account.create(ZONE, "nobody", {"name": "d.internal", "vpcs": [{"vpcId": "vpc-0123456789abcdef0"}]})
    with pytest.raises(Refused, match="aliases and records given; give exactly one"):
        account.create(RECORD, "both", {**good, "records": ["10.0.0.1"], "ttl": 60})
