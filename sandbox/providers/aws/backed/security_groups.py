"""Security groups and their rules, in moto's EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties
from .ec2 import tag

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"


def _create_group(account: Account, inputs: Properties) -> str:
    ec2 = account.client("ec2")
    identifier: str = ec2.create_security_group(**shapes.parameters(_GROUP, inputs))["GroupId"]
    _clear(account, identifier, egress=True)  # Terraform removes the "allow all" that AWS adds
    _update_group(account, identifier, inputs, {})
    return identifier


def _update_group(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """Inline rules are the whole truth of a direction once they are declared; otherwise rules stand alone."""
    for direction in ("ingress", "egress"):
        if new.get(direction) != old.get(direction):
            _clear(account, identifier, egress=direction == "egress")
            for rule in new.get(direction) or []:
                _authorize(account, identifier, _inline(rule, identifier), egress=direction == "egress")
    tag(account, identifier, new, old)


def _read_group(account: Account, identifier: str) -> dict[str, Any]:
    group = account.client("ec2").describe_security_groups(GroupIds=[identifier])["SecurityGroups"][0]
    return {"vpcId": group["VpcId"], "name": group["GroupName"], "description": group["Description"]}


def _delete_group(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("ec2").delete_security_group(GroupId=identifier)


def _adopt_default(account: Account, inputs: Properties) -> str:
    """The VPC's default group keeps only the declared rules."""
    wanted = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    groups = account.client("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"]
    if not groups:
        raise Missing(f"the default security group of {inputs['vpcId']}")
    identifier: str = groups[0]["GroupId"]
    for direction in ("ingress", "egress"):
        _clear(account, identifier, egress=direction == "egress")
    _update_group(account, identifier, inputs, {})
    return identifier


def _clear(account: Account, identifier: str, *, egress: bool) -> None:
    ec2 = account.client("ec2")
    group = ec2.describe_security_groups(GroupIds=[identifier])["SecurityGroups"][0]
    permissions = group["IpPermissionsEgress" if egress else "IpPermissions"]
    if permissions:
        revoke = ec2.revoke_security_group_egress if egress else ec2.revoke_security_group_ingress
        revoke(GroupId=identifier, IpPermissions=permissions)


def _inline(rule: Properties, identifier: str) -> dict[str, Any]:
    note = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [*(rule.get("securityGroups") or []), *([identifier] if rule.get("self") else [])]
    return {
        "IpProtocol": str(rule["protocol"]),
        "FromPort": rule["fromPort"],
        "ToPort": rule["toPort"],
        "IpRanges": [{"CidrIp": cidr, **note} for cidr in rule.get("cidrBlocks") or []],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **note} for cidr in rule.get("ipv6CidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": item, **note} for item in rule.get("prefixListIds") or []],
        "UserIdGroupPairs": [{"GroupId": group, **note} for group in groups],
    }


def _single(rule: Properties) -> dict[str, Any]:
    note = {"Description": rule["description"]} if rule.get("description") else {}
    permission: dict[str, Any] = {"IpProtocol": str(rule["ipProtocol"])}
    permission |= {"FromPort": rule["fromPort"]} if rule.get("fromPort") is not None else {}
    permission |= {"ToPort": rule["toPort"]} if rule.get("toPort") is not None else {}
    peers = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    return permission | {
        member: [{field: rule[name], **note}] for name, (member, field) in peers.items() if rule.get(name)
    }


def _authorize(account: Account, identifier: str, permission: Mapping[str, Any], *, egress: bool) -> str:
    ec2 = account.client("ec2")
    authorize = ec2.authorize_security_group_egress if egress else ec2.authorize_security_group_ingress
    answer = authorize(GroupId=identifier, IpPermissions=[permission])
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def _rule(*, egress: bool) -> Backing:
    def create(account: Account, inputs: Properties) -> str:
        return _authorize(account, inputs["securityGroupId"], _single(inputs), egress=egress)

    def read(account: Account, identifier: str) -> dict[str, Any]:
        rules = account.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[identifier])
        if not rules["SecurityGroupRules"]:
            raise Missing(f"security group rule {identifier}")
        return {}

    def update(account: Account, identifier: str, new: Properties, old: Properties) -> None:
        fields = ("ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId", "description")
        names = {name: name[0].upper() + name[1:] for name in (*fields, "referencedSecurityGroupId")}
        names["referencedSecurityGroupId"] = "ReferencedGroupId"
        rule = {member: new[name] for name, member in names.items() if new.get(name) is not None}
        account.client("ec2").modify_security_group_rules(
            GroupId=new["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": identifier, "SecurityGroupRule": rule}],
        )

    def delete(account: Account, identifier: str, outputs: Properties) -> None:
        ec2 = account.client("ec2")
        revoke = ec2.revoke_security_group_egress if egress else ec2.revoke_security_group_ingress
        revoke(GroupId=outputs["securityGroupId"], SecurityGroupRuleIds=[identifier])

    return Backing(create=create, read=read, update=update, delete=delete)


BACKED: Final[Mapping[str, Backing]] = {
    _GROUP: Backing(create=_create_group, read=_read_group, update=_update_group, delete=_delete_group),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Backing(
        create=_adopt_default, read=_read_group, update=_update_group
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule(egress=False),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule(egress=True),
}
