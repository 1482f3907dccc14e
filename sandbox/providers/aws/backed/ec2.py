"""VPCs and what lives in them, in moto's EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties, document, removed

_ATTRIBUTES: Final = ("enableDnsSupport", "enableDnsHostnames")


def _tag(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """Makes the tags on EC2's side those of `tagsAll`."""
    ec2, before, tags = account.client("ec2"), old.get("tagsAll") or {}, new.get("tagsAll") or {}
    if gone := removed(tags, before):
        ec2.delete_tags(Resources=[identifier], Tags=[{"Key": key} for key in gone])
    if tags:
        ec2.create_tags(Resources=[identifier], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


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
    _tag(account, identifier, new, old)


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


def _create_subnet(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/subnet:Subnet", inputs)
    identifier: str = account.client("ec2").create_subnet(**parameters)["Subnet"]["SubnetId"]
    _update_subnet(account, identifier, inputs, {})
    return identifier


def _update_subnet(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    account.client("ec2").modify_subnet_attribute(
        SubnetId=identifier, MapPublicIpOnLaunch={"Value": bool(new.get("mapPublicIpOnLaunch"))}
    )
    _tag(account, identifier, new, old)


def _read_subnet(account: Account, identifier: str) -> dict[str, Any]:
    subnet = account.client("ec2").describe_subnets(SubnetIds=[identifier])["Subnets"][0]
    return {
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "cidrBlock": subnet["CidrBlock"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
    }


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
    _tag(account, identifier, new, old)


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


def _create_dhcp_options(account: Account, inputs: Properties) -> str:
    names = {"domainName": "domain-name", "domainNameServers": "domain-name-servers", "ntpServers": "ntp-servers"}
    values = {key: inputs[name] for name, key in names.items() if inputs.get(name)}
    options = [{"Key": key, "Values": v if isinstance(v, list) else [v]} for key, v in values.items()]
    answer = account.client("ec2").create_dhcp_options(DhcpConfigurations=options)
    identifier: str = answer["DhcpOptions"]["DhcpOptionsId"]
    _tag(account, identifier, inputs, {})
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


def _create_endpoint(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/vpcEndpoint:VpcEndpoint", {**inputs, "policy": None})
    parameters.update({"PolicyDocument": document(inputs["policy"])} if inputs.get("policy") else {})
    identifier: str = account.client("ec2").create_vpc_endpoint(**parameters)["VpcEndpoint"]["VpcEndpointId"]
    _tag(account, identifier, inputs, {})
    return identifier


def _update_endpoint(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    parameters: dict[str, Any] = {}
    for name, member in (
        ("subnetIds", "SubnetIds"),
        ("securityGroupIds", "SecurityGroupIds"),
        ("routeTableIds", "RouteTableIds"),
    ):
        before, after = set(old.get(name) or []), set(new.get(name) or [])
        parameters |= {f"Add{member}": sorted(after - before)} if after - before else {}
        parameters |= {f"Remove{member}": sorted(before - after)} if before - after else {}
    if new.get("policy") != old.get("policy") and new.get("policy"):
        parameters["PolicyDocument"] = document(new["policy"])
    if parameters:
        account.client("ec2").modify_vpc_endpoint(VpcEndpointId=identifier, **parameters)
    _tag(account, identifier, new, old)


def _read_endpoint(account: Account, identifier: str) -> dict[str, Any]:
    ec2 = account.client("ec2")
    endpoint = ec2.describe_vpc_endpoints(VpcEndpointIds=[identifier])["VpcEndpoints"][0]
    if endpoint["State"] == "deleted":  # moto still shows it
        raise Missing(f"endpoint {identifier}")
    outputs: dict[str, Any] = {
        "policy": endpoint.get("PolicyDocument"),
        "networkInterfaceIds": endpoint["NetworkInterfaceIds"],
        "dnsEntries": [
            {"dnsName": entry["DnsName"], "hostedZoneId": entry["HostedZoneId"]} for entry in endpoint["DnsEntries"]
        ],
    }
    if endpoint["VpcEndpointType"] == "Gateway":
        outputs["prefixListId"] = prefix_list(account, endpoint["ServiceName"])
    return outputs


def prefix_list(account: Account, service: str) -> str | None:
    """The identifier of AWS's own prefix list of a service, which gateway endpoints route to."""
    lists = account.client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    return next((str(item["PrefixListId"]) for item in lists if item["PrefixListName"] == service), None)


def _put_endpoint_policy(account: Account, inputs: Properties) -> str:
    _update_endpoint_policy(account, inputs["vpcEndpointId"], inputs, {})
    return str(inputs["vpcEndpointId"])


def _update_endpoint_policy(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    policy = document(new.get("policy") or {})
    account.client("ec2").modify_vpc_endpoint(VpcEndpointId=identifier, PolicyDocument=policy)


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
    _tag(account, identifier, inputs, {})
    return identifier


def _read_flow_log(account: Account, identifier: str) -> dict[str, Any]:
    if not account.client("ec2").describe_flow_logs(FlowLogIds=[identifier])["FlowLogs"]:
        raise Missing(f"flow log {identifier}")
    return {}


def _create_peering(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", inputs)
    ec2 = account.client("ec2")
    connection = ec2.create_vpc_peering_connection(**parameters)["VpcPeeringConnection"]
    identifier: str = connection["VpcPeeringConnectionId"]
    if inputs.get("autoAccept"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=identifier)
    _tag(account, identifier, inputs, {})
    return identifier


def _read_peering(account: Account, identifier: str) -> dict[str, Any]:
    found = account.client("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[identifier])
    status = found["VpcPeeringConnections"][0]["Status"]["Code"]
    if status == "deleted":
        raise Missing(f"peering connection {identifier}")
    return {"acceptStatus": status}


def _create_template(account: Account, inputs: Properties) -> str:
    answer = account.client("ec2").create_launch_template(
        LaunchTemplateName=inputs["name"], LaunchTemplateData=_template_data(inputs)
    )
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def _template_data(inputs: Properties) -> dict[str, Any]:
    data = {key: value for key, value in inputs.items() if key not in ("tags", "tagsAll", "name", "description")}
    renamed = {"vpcSecurityGroupIds": "securityGroupIds", "placement": "placement"}
    value = {renamed.get(name, name): item for name, item in data.items()}
    result: dict[str, Any] = shapes.convert("ec2.CreateLaunchTemplate", "LaunchTemplateData", value)
    return result or {"DisableApiTermination": False}


def _update_template(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    ec2 = account.client("ec2")
    ec2.create_launch_template_version(LaunchTemplateId=identifier, LaunchTemplateData=_template_data(new))


def _read_template(account: Account, identifier: str) -> dict[str, Any]:
    answer = account.client("ec2").describe_launch_templates(LaunchTemplateIds=[identifier])["LaunchTemplates"]
    if not answer:
        raise Missing(f"launch template {identifier}")
    return {"latestVersion": answer[0]["LatestVersionNumber"], "defaultVersion": answer[0]["DefaultVersionNumber"]}


def _deletes(operation: str, parameter: str, *, many: bool = False) -> Any:
    """A deletion by identifier alone."""

    def delete(account: Account, identifier: str, outputs: Properties) -> None:
        getattr(account.client("ec2"), operation)(**{parameter: [identifier] if many else identifier})

    return delete


def _adopts(property_name: str, parameter: str, operation: str, answer: str) -> tuple[Any, Any]:
    """Adoption of what came with the VPC: it must exist, and stays when the resource is deleted."""

    def create(account: Account, inputs: Properties) -> str:
        identifier: str = inputs[property_name]
        found = getattr(account.client("ec2"), operation)(**{parameter: [identifier]})[answer]
        if not found:
            raise Missing(identifier)
        _tag(account, identifier, inputs, {})
        return identifier

    def read(account: Account, identifier: str) -> dict[str, Any]:
        found = getattr(account.client("ec2"), operation)(**{parameter: [identifier]})[answer]
        if not found:
            raise Missing(identifier)
        return {"vpcId": found[0]["VpcId"]}

    return create, read


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
    _tag(account, identifier, new, old)


def _create_acl(account: Account, inputs: Properties) -> str:
    identifier: str = account.client("ec2").create_network_acl(VpcId=inputs["vpcId"])["NetworkAcl"]["NetworkAclId"]
    _set_acl(account, identifier, inputs, {})
    return identifier


_ADOPT_ACL, _READ_ACL = _adopts("defaultNetworkAclId", "NetworkAclIds", "describe_network_acls", "NetworkAcls")
_ADOPT_TABLE, _ = _adopts("defaultRouteTableId", "RouteTableIds", "describe_route_tables", "RouteTables")

BACKED: Final[Mapping[str, Backing]] = {
    "aws:ec2/vpc:Vpc": Backing(
        create=_create_vpc, read=_read_vpc, update=_update_vpc, delete=_deletes("delete_vpc", "VpcId")
    ),
    "aws:ec2/subnet:Subnet": Backing(
        create=_create_subnet, read=_read_subnet, update=_update_subnet, delete=_deletes("delete_subnet", "SubnetId")
    ),
    "aws:ec2/routeTable:RouteTable": Backing(
        create=_create_table,
        read=_read_table,
        update=_update_table,
        delete=_deletes("delete_route_table", "RouteTableId"),
    ),
    "aws:ec2/route:Route": Backing(create=_create_route, read=_read_route, delete=_delete_route),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Backing(
        create=_associate, read=_read_association, delete=_deletes("disassociate_route_table", "AssociationId")
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": Backing(create=_ADOPT_TABLE, read=_read_table, update=_update_table),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": Backing(create=_adopt_acl, read=_READ_ACL, update=_set_acl),
    "aws:ec2/networkAcl:NetworkAcl": Backing(
        create=_create_acl, read=_READ_ACL, update=_set_acl, delete=_deletes("delete_network_acl", "NetworkAclId")
    ),
    "aws:ec2/vpcDhcpOptions:VpcDhcpOptions": Backing(
        create=_create_dhcp_options,
        read=_read_dhcp_options,
        update=_tag,
        delete=_deletes("delete_dhcp_options", "DhcpOptionsId"),
    ),
    "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation": Backing(
        create=_associate_dhcp_options, read=_read_dhcp_association, delete=_disassociate_dhcp_options
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Backing(
        create=_create_endpoint,
        read=_read_endpoint,
        update=_update_endpoint,
        delete=_deletes("delete_vpc_endpoints", "VpcEndpointIds", many=True),
    ),
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": Backing(
        create=_put_endpoint_policy, read=_read_endpoint, update=_update_endpoint_policy
    ),
    "aws:ec2/flowLog:FlowLog": Backing(
        create=_create_flow_log,
        read=_read_flow_log,
        update=_tag,
        delete=_deletes("delete_flow_logs", "FlowLogIds", many=True),
    ),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": Backing(
        create=_create_peering,
        read=_read_peering,
        update=_tag,
        delete=_deletes("delete_vpc_peering_connection", "VpcPeeringConnectionId"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Backing(
        create=_create_template,
        read=_read_template,
        update=_update_template,
        delete=_deletes("delete_launch_template", "LaunchTemplateId"),
    ),
}
