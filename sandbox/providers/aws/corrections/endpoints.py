"""Host names of interface endpoints and endpoint services, in AWS's form and in the region's partition."""

from __future__ import annotations

from typing import Any

from components.catalog.regions import partition
from components.catalog.vpc_endpoints import service_name


def apply() -> None:
    """Moto writes a service's name backwards into the host name, and knows one domain only."""
    from moto.ec2.models import vpc_service_configuration, vpcs
    from moto.ec2.utils import create_dns_entries

    def dns_entries(service: str, vpc_endpoint_id: str) -> dict[str, str]:
        drawn = create_dns_entries(service, vpc_endpoint_id)
        unique = drawn["dns_name"].removesuffix(f".{service}")
        return {**drawn, "dns_name": f"{unique}.{host_of(service)}"}

    setattr(vpcs, create_dns_entries.__name__, dns_entries)

    _name_services(vpcs.VPCBackend)
    _follow_changes(vpcs.VPCEndPoint)
    configuration: Any = vpc_service_configuration.VPCServiceConfiguration
    make = configuration.__init__

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807
        make(self, **given)
        self.endpoint_dns_name = host_of(self.service_name)

    configuration.__init__ = __init__


def _name_services(backend: Any) -> None:
    """Some services of the Sovereign Cloud have a prefix of their own; moto gives all of them that of `aws`."""
    collect = backend._collect_default_endpoint_services

    def collected(account_id: str, region: str) -> Any:
        services = collect(account_id, region)
        for service in services:
            suffix = service["ServiceName"].removeprefix(f"com.amazonaws.{region}.")
            if suffix != service["ServiceName"]:
                service["ServiceName"] = service_name(suffix, region)
                service["BaseEndpointDnsNames"] = [host_of(service["ServiceName"])]
        return services

    backend._collect_default_endpoint_services = staticmethod(collected)


def _follow_changes(endpoint: Any) -> None:
    """A changed endpoint gets and loses routes and interfaces; moto only notes the tables and subnets."""
    from moto.ec2.utils import random_private_ip

    modify = endpoint.modify

    def modified(self: Any, *given: Any, **named: Any) -> None:
        tables, subnets = list(self.route_table_ids or []), list(self.subnet_ids or [])
        modify(self, *given, **named)
        backend, prefix_list = self.ec2_backend, self.destination_prefix_list_id
        if prefix_list:
            for table in set(self.route_table_ids) - set(tables):
                backend.create_route(table, None, gateway_id=self.id, destination_prefix_list_id=prefix_list)
            for table in set(tables) - set(self.route_table_ids):
                backend.delete_route(table, None, None, prefix_list)
        if self.vpc_endpoint_type == "Interface":
            gone = [one for one in self.network_interface_ids if backend.enis[one].subnet.id not in self.subnet_ids]
            for interface in gone:
                self.network_interface_ids.remove(interface)
                backend.enis.pop(interface)
            for subnet in self.subnet_ids:
                if subnet not in subnets:
                    made = backend.create_network_interface(subnet, random_private_ip())
                    self.network_interface_ids.append(made.id)

    endpoint.modify = modified


def host_of(service: str) -> str:
    """`sts.eu-central-1.vpce.amazonaws.com` for `com.amazonaws.eu-central-1.sts`."""
    parts = service.split(".")
    if parts[2] == "vpce":  # somebody's own service: com.amazonaws.vpce.<region>.<vpce-svc-…>
        region, name = parts[3], parts[4]
    else:
        region, name = parts[2], ".".join(reversed(parts[3:]))
    return f"{name}.{region}.vpce.{partition(region).dns_suffix}"
