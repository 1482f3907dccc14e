"""Hosted zones, records and the VPCs that see a zone, in moto's Route 53."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing
from sandbox.providers.serve import ProviderError

from .backing import Backing, Properties, pairs, removed

_ZONE: Final = "aws:route53/zone:Zone"
_RECORD: Final = "aws:route53/record:Record"
_ASSOCIATION: Final = "aws:route53/zoneAssociation:ZoneAssociation"


def _vpc(account: Account, vpc: Properties) -> dict[str, str]:
    return {"VPCId": vpc["vpcId"], "VPCRegion": vpc.get("vpcRegion") or account.region}


def _create_zone(account: Account, inputs: Properties) -> str:
    """A zone with VPCs is private: only they resolve its names."""
    route53, vpcs = account.client("route53"), inputs.get("vpcs") or []
    parameters: dict[str, Any] = {"Name": inputs["name"], "CallerReference": str(uuid.uuid4())}
    parameters["HostedZoneConfig"] = {"Comment": inputs.get("comment") or "", "PrivateZone": bool(vpcs)}
    if vpcs:
        parameters["VPC"] = _vpc(account, vpcs[0])
    identifier = str(route53.create_hosted_zone(**parameters)["HostedZone"]["Id"]).removeprefix("/hostedzone/")
    for vpc in vpcs[1:]:
        route53.associate_vpc_with_hosted_zone(HostedZoneId=identifier, VPC=_vpc(account, vpc))
    _tag_zone(account, identifier, inputs, {})
    return identifier


def _tag_zone(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    tags, gone = new.get("tagsAll") or {}, removed(new.get("tagsAll") or {}, old.get("tagsAll") or {})
    changes: dict[str, Any] = {"AddTags": pairs(tags)} if tags else {}
    changes |= {"RemoveTagKeys": gone} if gone else {}
    if changes:
        account.client("route53").change_tags_for_resource(ResourceType="hostedzone", ResourceId=identifier, **changes)


def _update_zone(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    route53 = account.client("route53")
    if new.get("comment") != old.get("comment"):
        route53.update_hosted_zone_comment(Id=identifier, Comment=new.get("comment") or "")
    before = {vpc["vpcId"]: vpc for vpc in old.get("vpcs") or []}
    after = {vpc["vpcId"]: vpc for vpc in new.get("vpcs") or []}
    for name in sorted(set(after) - set(before)):
        route53.associate_vpc_with_hosted_zone(HostedZoneId=identifier, VPC=_vpc(account, after[name]))
    for name in sorted(set(before) - set(after)):
        route53.disassociate_vpc_from_hosted_zone(HostedZoneId=identifier, VPC=_vpc(account, before[name]))
    _tag_zone(account, identifier, new, old)


def _read_zone(account: Account, identifier: str) -> dict[str, Any]:
    found = account.client("route53").get_hosted_zone(Id=identifier)
    servers = sorted(found.get("DelegationSet", {}).get("NameServers", []))
    return {
        "zoneId": identifier,
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else "",
    }


def _delete_zone(account: Account, identifier: str, outputs: Properties) -> None:
    route53 = account.client("route53")
    own = [record for record in _records(account, identifier) if record["Type"] not in ("NS", "SOA")]
    if own and not outputs.get("forceDestroy"):
        names = ", ".join(sorted({record["Name"] for record in own}))
        raise ProviderError(f"HostedZoneNotEmpty: zone {identifier} still has records: {names}")
    for record in own:
        _change(account, identifier, "DELETE", record)
    route53.delete_hosted_zone(Id=identifier)


def _records(account: Account, zone: str) -> list[dict[str, Any]]:
    pages = account.client("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    return [record for page in pages for record in page["ResourceRecordSets"]]


def _change(account: Account, zone: str, action: str, record: Mapping[str, Any]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": dict(record)}]}
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def _record(inputs: Properties) -> dict[str, Any]:
    record: dict[str, Any] = {"Name": _full(inputs["name"]), "Type": inputs["type"]}
    if inputs.get("setIdentifier"):
        record["SetIdentifier"] = inputs["setIdentifier"]
    for alias in inputs.get("aliases") or []:
        record["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": _full(alias["name"]),
            "EvaluateTargetHealth": bool(alias["evaluateTargetHealth"]),
        }
    if inputs.get("records"):
        record |= {"TTL": inputs["ttl"], "ResourceRecords": [{"Value": value} for value in inputs["records"]]}
    return record


def _full(name: str) -> str:
    return name if name.endswith(".") else f"{name}."


def _record_id(inputs: Properties) -> str:
    parts = [inputs["zoneId"], inputs["name"].removesuffix("."), inputs["type"], inputs.get("setIdentifier")]
    return "_".join(part for part in parts if part)


def _find(account: Account, identifier: str) -> dict[str, Any] | None:
    zone = identifier.partition("_")[0]
    for record in _records(account, zone):
        named = {"zoneId": zone, "name": record["Name"], "type": record["Type"]}
        if _record_id({**named, "setIdentifier": record.get("SetIdentifier")}) == identifier:
            return record
    return None


def _create_record(account: Account, inputs: Properties) -> str:
    """Moto's own search for a record of the same name finds other names too, so it is made here."""
    identifier = _record_id(inputs)
    if _find(account, identifier) and not inputs.get("allowOverwrite"):
        raise ProviderError(f"InvalidChangeBatch: {inputs['type']} record '{inputs['name']}' exists already")
    _change(account, inputs["zoneId"], "UPSERT", _record(inputs))
    return identifier


def _update_record(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    _change(account, new["zoneId"], "UPSERT", _record(new))


def _read_record(account: Account, identifier: str) -> dict[str, Any]:
    record = _find(account, identifier)
    if record is None:
        raise Missing(f"record {identifier}")
    return {"fqdn": record["Name"].removesuffix(".")}


def _delete_record(account: Account, identifier: str, outputs: Properties) -> None:
    record = _find(account, identifier)
    if record is None:
        raise Missing(f"record {identifier}")
    _change(account, identifier.partition("_")[0], "DELETE", record)


def _associate(account: Account, inputs: Properties) -> str:
    route53, zone = account.client("route53"), inputs["zoneId"]
    if any(vpc["VPCId"] == inputs["vpcId"] for vpc in route53.get_hosted_zone(Id=zone).get("VPCs", [])):
        raise ProviderError(f"ConflictingDomainExists: {inputs['vpcId']} is associated with zone {zone} already")
    route53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=_vpc(account, inputs))
    return f"{zone}:{inputs['vpcId']}"


def _read_association(account: Account, identifier: str) -> dict[str, Any]:
    zone, vpc = identifier.split(":")
    found = account.client("route53").get_hosted_zone(Id=zone)
    if all(entry["VPCId"] != vpc for entry in found.get("VPCs", [])):
        raise Missing(f"association of {vpc} with zone {zone}")
    return {"owningAccount": account.id}


def _disassociate(account: Account, identifier: str, outputs: Properties) -> None:
    zone, _ = identifier.split(":")
    account.client("route53").disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=_vpc(account, outputs))


BACKED: Final[Mapping[str, Backing]] = {
    _ZONE: Backing(create=_create_zone, read=_read_zone, update=_update_zone, delete=_delete_zone),
    _RECORD: Backing(create=_create_record, read=_read_record, update=_update_record, delete=_delete_record),
    _ASSOCIATION: Backing(create=_associate, read=_read_association, delete=_disassociate),
}
