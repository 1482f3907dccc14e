"""Route tables, routes and network ACLs, in moto's EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties
from .ec2 import adopts, deletes, tag


def _create_table(account: Account, inputs: Properties) -> str:
    identifier: str = account.client("ec2").create_route_table(VpcId=inputs["vpcId"])["RouteTable"]["RouteTableId"]
    _update_table(account, identifier, inputs, {})
    return identifier


def _update_table(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """Inline routes are replaced as a whole, as the provider does."""
    if new.get("routes") != old.get("routes"):
        for route in old.get("routes") or []:
            _delete_route(account, "", {**route, **_destination(route), "routeTableId": identifier})
        for route in new.get("routes") or []:
            _create_route(account, {**route, **_destination(route), "routeTableId": identifier})
    tag(account, identifier, new, old)


def _destination(route: Properties) -> dict[str, Any]:
    return {
        "destinationCidrBlock": route.get("cidrBlock"),
        "destinationIpv6CidrBlock": route.get("ipv6CidrBlock"),
        "destinationPrefixListId": route.get("destinationPrefixListId"),
    }


def _read_table(account: Account, identifier: str) -> dict[str, Any]:
    table = account.client("ec2").describe_route_tables(RouteTableIds=[identifier])["RouteTables"][0]
    return {"vpcId": table["VpcId"]}


def _route_keys(properties: Properties) -> dict[str, Any]:
    names = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
    return {name[0].upper() + name[1:]: properties[name] for name in names if properties.get(name)}


def _create_route(account: Account, inputs: Properties) -> str:
    account.client("ec2").create_route(**shapes.parameters("aws:ec2/route:Route", inputs))
    return f"r-{inputs['routeTableId']}|{'|'.join(_route_keys(inputs).values())}"


def _read_route(account: Account, identifier: str) -> dict[str, Any]:
    table, destination = identifier.removeprefix("r-").split("|")
    routes = account.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    if not any(destination in route.values() for route in routes):
        raise Missing(f"route to {destination} in {table}")
    return {}


def _delete_route(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("ec2").delete_route(RouteTableId=outputs["routeTableId"], **_route_keys(outputs))


def _associate(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/routeTableAssociation:RouteTableAssociation", inputs)
    return str(account.client("ec2").associate_route_table(**parameters)["AssociationId"])


def _read_association(account: Account, identifier: str) -> dict[str, Any]:
    named = [{"Name": "association.route-table-association-id", "Values": [identifier]}]
    if not account.client("ec2").describe_route_tables(Filters=named)["RouteTables"]:
        raise Missing(f"route table association {identifier}")
    return {}


def _adopt_acl(account: Account, inputs: Properties) -> str:
    """The default NACL keeps only the declared entries: none means that nothing passes."""
    identifier = str(_ADOPT_ACL(account, inputs))
    _set_acl(account, identifier, inputs, {})
    return identifier


def _set_acl(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    ec2 = account.client("ec2")
    acl = ec2.describe_network_acls(NetworkAclIds=[identifier])["NetworkAcls"][0]
    for entry in acl["Entries"]:
        if entry["RuleNumber"] != 32767:  # the closing "deny" that nobody can delete
            ec2.delete_network_acl_entry(
                NetworkAclId=identifier, RuleNumber=entry["RuleNumber"], Egress=entry["Egress"]
            )
    for egress in (False, True):
        for rule in new.get("egress" if egress else "ingress") or []:
            ec2.create_network_acl_entry(
                NetworkAclId=identifier,
                RuleNumber=rule["ruleNo"],
                Protocol=str(rule["protocol"]),
                RuleAction=rule["action"],
                Egress=egress,
                CidrBlock=rule["cidrBlock"],
                PortRange={"From": rule["fromPort"], "To": rule["toPort"]},
            )
    tag(account, identifier, new, old)


def _create_acl(account: Account, inputs: Properties) -> str:
    identifier: str = account.client("ec2").create_network_acl(VpcId=inputs["vpcId"])["NetworkAcl"]["NetworkAclId"]
    _set_acl(account, identifier, inputs, {})
    return identifier


_ADOPT_ACL, _READ_ACL = adopts("defaultNetworkAclId", "NetworkAclIds", "describe_network_acls", "NetworkAcls")
_ADOPT_TABLE, _ = adopts("defaultRouteTableId", "RouteTableIds", "describe_route_tables", "RouteTables")

BACKED: Final[Mapping[str, Backing]] = {
    "aws:ec2/routeTable:RouteTable": Backing(
        create=_create_table,
        read=_read_table,
        update=_update_table,
        delete=deletes("delete_route_table", "RouteTableId"),
    ),
    "aws:ec2/route:Route": Backing(create=_create_route, read=_read_route, delete=_delete_route),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Backing(
        create=_associate, read=_read_association, delete=deletes("disassociate_route_table", "AssociationId")
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": Backing(create=_ADOPT_TABLE, read=_read_table, update=_update_table),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": Backing(create=_adopt_acl, read=_READ_ACL, update=_set_acl),
    "aws:ec2/networkAcl:NetworkAcl": Backing(
        create=_create_acl, read=_READ_ACL, update=_set_acl, delete=deletes("delete_network_acl", "NetworkAclId")
    ),
}
