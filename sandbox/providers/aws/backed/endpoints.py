"""VPC endpoints and the services that others reach through them, in moto's EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties, document
from .ec2 import deletes, tag

_SERVICE: Final = "aws:ec2/vpcEndpointService:VpcEndpointService"


def _create_endpoint(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ec2/vpcEndpoint:VpcEndpoint", {**inputs, "policy": None})
    parameters.update({"PolicyDocument": document(inputs["policy"])} if inputs.get("policy") else {})
    identifier: str = account.client("ec2").create_vpc_endpoint(**parameters)["VpcEndpoint"]["VpcEndpointId"]
    tag(account, identifier, inputs, {})
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
    tag(account, identifier, new, old)


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
        outputs |= {"prefixListId": None, "cidrBlocks": []}
        if found := prefix_list(account, endpoint["ServiceName"]):
            entries = ec2.get_managed_prefix_list_entries(PrefixListId=found)["Entries"]
            outputs |= {"prefixListId": found, "cidrBlocks": [entry["Cidr"] for entry in entries]}
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


def _create_service(account: Account, inputs: Properties) -> str:
    ec2 = account.client("ec2")
    parameters = shapes.parameters(_SERVICE, {**inputs, "tags": None})
    made = ec2.create_vpc_endpoint_service_configuration(**parameters)["ServiceConfiguration"]
    identifier: str = made["ServiceId"]
    _allow(account, identifier, inputs, {})
    tag(account, identifier, inputs, {})
    return identifier


def _allow(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    before, after = set(old.get("allowedPrincipals") or []), set(new.get("allowedPrincipals") or [])
    if before != after:
        account.client("ec2").modify_vpc_endpoint_service_permissions(
            ServiceId=identifier,
            AddAllowedPrincipals=sorted(after - before),
            RemoveAllowedPrincipals=sorted(before - after),
        )


def _update_service(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    parameters: dict[str, Any] = {"AcceptanceRequired": bool(new["acceptanceRequired"])}
    for name in ("networkLoadBalancerArns", "gatewayLoadBalancerArns", "supportedRegions", "supportedIpAddressTypes"):
        member = name[0].upper() + name[1:]
        before, after = set(old.get(name) or []), set(new.get(name) or [])
        parameters |= {f"Add{member}": sorted(after - before)} if after - before else {}
        parameters |= {f"Remove{member}": sorted(before - after)} if before - after else {}
    if new.get("privateDnsName"):
        parameters["PrivateDnsName"] = new["privateDnsName"]
    account.client("ec2").modify_vpc_endpoint_service_configuration(ServiceId=identifier, **parameters)
    _allow(account, identifier, new, old)
    tag(account, identifier, new, old)


def _read_service(account: Account, identifier: str) -> dict[str, Any]:
    ec2 = account.client("ec2")
    service = ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[identifier])["ServiceConfigurations"][0]
    principals = ec2.describe_vpc_endpoint_service_permissions(ServiceId=identifier)["AllowedPrincipals"]
    return {
        "acceptanceRequired": service["AcceptanceRequired"],
        "allowedPrincipals": sorted(entry["Principal"] for entry in principals),
        "availabilityZones": sorted(service["AvailabilityZones"]),
        "baseEndpointDnsNames": service["BaseEndpointDnsNames"],
        "managesVpcEndpoints": service["ManagesVpcEndpoints"],
        "networkLoadBalancerArns": service.get("NetworkLoadBalancerArns", []),
        "serviceName": service["ServiceName"],
        "serviceType": service["ServiceType"][0]["ServiceType"],
        "state": service["ServiceState"],
    }


BACKED: Final[Mapping[str, Backing]] = {
    "aws:ec2/vpcEndpoint:VpcEndpoint": Backing(
        create=_create_endpoint,
        read=_read_endpoint,
        update=_update_endpoint,
        delete=deletes("delete_vpc_endpoints", "VpcEndpointIds", many=True),
    ),
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": Backing(
        create=_put_endpoint_policy, read=_read_endpoint, update=_update_endpoint_policy
    ),
    _SERVICE: Backing(
        create=_create_service,
        read=_read_service,
        update=_update_service,
        delete=deletes("delete_vpc_endpoint_service_configurations", "ServiceIds", many=True),
    ),
}
