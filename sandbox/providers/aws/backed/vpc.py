"""VPCs, their ranges and subnets, DHCP options and flow logs, in moto's EC2."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing
from sandbox.providers.serve import ProviderError

from .backing import Backing, Properties
from .ec2 import deletes, tag

_PRIVATE: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_ATTRIBUTES: Final = ("enableDnsSupport", "enableDnsHostnames")


def _create_vpc(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/vpc:Vpc", inputs)
    identifier: str = account.client("ec2").create_vpc(**parameters)["Vpc"]["VpcId"]
    _update_vpc(account, identifier, inputs, {})
    return identifier


def _update_vpc(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    for name in _ATTRIBUTES:
        if new.get(name) != old.get(name):
            member = name[0].upper() + name[1:]
            account.client("ec2").modify_vpc_attribute(VpcId=identifier, **{member: {"Value": bool(new.get(name))}})
    tag(account, identifier, new, old)


def _read_vpc(account: Account, identifier: str) -> dict[str, Any]:
    ec2 = account.client("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[identifier])["Vpcs"][0]
    here = [{"Name": "vpc-id", "Values": [identifier]}]
    main = [*here, {"Name": "association.main", "Values": ["true"]}]
    tables = ec2.describe_route_tables(Filters=main)["RouteTables"]
    table = tables[0]["RouteTableId"] if tables else ""
    acls = ec2.describe_network_acls(Filters=[*here, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
    groups = ec2.describe_security_groups(Filters=[*here, {"Name": "group-name", "Values": ["default"]}])
    return {
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "defaultSecurityGroupId": groups["SecurityGroups"][0]["GroupId"],
        "defaultNetworkAclId": acls[0]["NetworkAclId"],
        "defaultRouteTableId": table,
        "mainRouteTableId": table,
    }


def _create_range(account: Account, inputs: Properties) -> str:
    """A further range must not overlap, and an RFC 1918 one comes from the block that the VPC's first is of.

    Source: VPC User Guide, "VPC CIDR blocks", table of association restrictions.
    """
    ec2, wanted = account.client("ec2"), ipaddress.IPv4Network(inputs["cidrBlock"])
    vpc = ec2.describe_vpcs(VpcIds=[inputs["vpcId"]])["Vpcs"][0]
    first = ipaddress.IPv4Network(vpc["CidrBlock"])
    foreign = [block for block in _PRIVATE if wanted.subnet_of(block) and not first.subnet_of(block)]
    if foreign or not 16 <= wanted.prefixlen <= 28:
        raise ProviderError(
            f"cidrBlock: AWS does not add {wanted} to a VPC of {first}; use a /16 to /28 of 100.64.0.0/10"
            " or of the private block that the VPC's own range is of"
        )
    for association in vpc["CidrBlockAssociationSet"]:
        present = ipaddress.IPv4Network(association["CidrBlock"])
        if association["CidrBlockState"]["State"] == "associated" and present.overlaps(wanted):
            raise ProviderError(f"cidrBlock: {wanted} overlaps {present}, which {inputs['vpcId']} has already")
    parameters = shapes.parameters("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation", inputs)
    return str(ec2.associate_vpc_cidr_block(**parameters)["CidrBlockAssociation"]["AssociationId"])


def _read_range(account: Account, identifier: str) -> dict[str, Any]:
    named = [{"Name": "cidr-block-association.association-id", "Values": [identifier]}]
    vpcs = account.client("ec2").describe_vpcs(Filters=named)["Vpcs"]
    for association in vpcs[0]["CidrBlockAssociationSet"] if vpcs else []:
        if association["AssociationId"] == identifier and association["CidrBlockState"]["State"] == "associated":
            return {"vpcId": vpcs[0]["VpcId"], "cidrBlock": association["CidrBlock"]}
    raise Missing(f"range {identifier}")


def _create_subnet(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/subnet:Subnet", inputs)
    identifier: str = account.client("ec2").create_subnet(**parameters)["Subnet"]["SubnetId"]
    _update_subnet(account, identifier, inputs, {})
    return identifier


def _update_subnet(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    account.client("ec2").modify_subnet_attribute(
        SubnetId=identifier, MapPublicIpOnLaunch={"Value": bool(new.get("mapPublicIpOnLaunch"))}
    )
    tag(account, identifier, new, old)


def _read_subnet(account: Account, identifier: str) -> dict[str, Any]:
    subnet = account.client("ec2").describe_subnets(SubnetIds=[identifier])["Subnets"][0]
    return {
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "cidrBlock": subnet["CidrBlock"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
    }


def _create_dhcp_options(account: Account, inputs: Properties) -> str:
    names = {"domainName": "domain-name", "domainNameServers": "domain-name-servers", "ntpServers": "ntp-servers"}
    values = {key: inputs[name] for name, key in names.items() if inputs.get(name)}
    options = [{"Key": key, "Values": v if isinstance(v, list) else [v]} for key, v in values.items()]
    answer = account.client("ec2").create_dhcp_options(DhcpConfigurations=options)
    identifier: str = answer["DhcpOptions"]["DhcpOptionsId"]
    tag(account, identifier, inputs, {})
    return identifier


def _read_dhcp_options(account: Account, identifier: str) -> dict[str, Any]:
    account.client("ec2").describe_dhcp_options(DhcpOptionsIds=[identifier])
    return {}


def _associate_dhcp_options(account: Account, inputs: Properties) -> str:
    account.client("ec2").associate_dhcp_options(DhcpOptionsId=inputs["dhcpOptionsId"], VpcId=inputs["vpcId"])
    return f"{inputs['dhcpOptionsId']}-{inputs['vpcId']}"


def _read_dhcp_association(account: Account, identifier: str) -> dict[str, Any]:
    options, _, vpc = identifier.rpartition("-vpc-")
    found = account.client("ec2").describe_vpcs(VpcIds=[f"vpc-{vpc}"])["Vpcs"][0]
    if found["DhcpOptionsId"] != options:
        raise Missing(f"association of {options} with vpc-{vpc}")
    return {}


def _disassociate_dhcp_options(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("ec2").associate_dhcp_options(DhcpOptionsId="default", VpcId=outputs["vpcId"])


def _create_flow_log(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/flowLog:FlowLog", {**inputs, "destinationOptions": None})
    for name, kind in (("vpcId", "VPC"), ("subnetId", "Subnet"), ("eniId", "NetworkInterface")):
        if inputs.get(name):
            parameters |= {"ResourceIds": [inputs[name]], "ResourceType": kind}
    if inputs["logDestinationType"] == "cloud-watch-logs" and parameters.get("LogDestination"):
        # moto finds the group by name only, and says "access error" otherwise.
        parameters["LogGroupName"] = parameters.pop("LogDestination").split(":log-group:")[1].removesuffix(":*")
    answer = account.client("ec2").create_flow_logs(**parameters)
    if answer.get("Unsuccessful"):
        raise Missing(answer["Unsuccessful"][0]["Error"]["Message"])
    identifier: str = answer["FlowLogIds"][0]
    tag(account, identifier, inputs, {})
    return identifier


def _read_flow_log(account: Account, identifier: str) -> dict[str, Any]:
    if not account.client("ec2").describe_flow_logs(FlowLogIds=[identifier])["FlowLogs"]:
        raise Missing(f"flow log {identifier}")
    return {}


BACKED: Final[Mapping[str, Backing]] = {
    "aws:ec2/vpc:Vpc": Backing(
        create=_create_vpc, read=_read_vpc, update=_update_vpc, delete=deletes("delete_vpc", "VpcId")
    ),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": Backing(
        create=_create_range, read=_read_range, delete=deletes("disassociate_vpc_cidr_block", "AssociationId")
    ),
    "aws:ec2/subnet:Subnet": Backing(
        create=_create_subnet, read=_read_subnet, update=_update_subnet, delete=deletes("delete_subnet", "SubnetId")
    ),
    "aws:ec2/vpcDhcpOptions:VpcDhcpOptions": Backing(
        create=_create_dhcp_options,
        read=_read_dhcp_options,
        update=tag,
        delete=deletes("delete_dhcp_options", "DhcpOptionsId"),
    ),
    "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation": Backing(
        create=_associate_dhcp_options, read=_read_dhcp_association, delete=_disassociate_dhcp_options
    ),
    "aws:ec2/flowLog:FlowLog": Backing(
        create=_create_flow_log,
        read=_read_flow_log,
        update=tag,
        delete=deletes("delete_flow_logs", "FlowLogIds", many=True),
    ),
}
