"""The doors of the sealed VPC: one interface endpoint for each AWS service that it needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog.names import Names
from components.catalog.vpc_endpoints import SERVICES, service_name
from components.network.endpoint_policy import endpoint_policy


@dataclass(frozen=True, kw_only=True)
class EndpointsArgs:
    """Where the endpoints stand, and who may knock.

    Attributes:
        names: physical names of the platform.
        vpc_id: the VPC.
        subnet_ids: one small subnet for each zone.
        client_cidrs: the VPC's range and the declared peers'.
    """

    names: Names
    vpc_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    client_cidrs: Sequence[str]


class Endpoints(pulumi.ComponentResource):
    """Interface endpoints with private DNS, reachable by TLS from known ranges, each with a policy of its own.

    Outputs:
        endpoint_ids: service suffix -> endpoint.
        security_group_id: str.
    Source: AWS PrivateLink Guide, "Access AWS services through AWS PrivateLink".
    """

    endpoint_ids: dict[str, Output[str]]
    security_group_id: Output[str]

    def __init__(self, name: str, args: EndpointsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Endpoints", name, None, opts)
        child = ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            description="Interface endpoints: TLS from known ranges, nothing outwards",
            vpc_id=args.vpc_id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_blocks=list(args.client_cidrs),
                    description="TLS from the VPC and its declared peers",
                )
            ],
            egress=[],
            revoke_rules_on_delete=True,
            opts=child,
        )
        self.endpoint_ids = {}
        for service in SERVICES:
            endpoint = aws.ec2.VpcEndpoint(
                f"{name}-{service.suffix.replace('.', '-')}",
                vpc_id=args.vpc_id,
                service_name=service_name(service.suffix, args.names.region),
                vpc_endpoint_type="Interface",
                ip_address_type="ipv4",
                subnet_ids=list(args.subnet_ids),
                security_group_ids=[group.id],
                private_dns_enabled=True,
                dns_options=_for_everybody() if service.suffix == "s3" else None,
                policy=endpoint_policy(service, args.names),
                opts=child,
            )
            self.endpoint_ids[service.suffix] = endpoint.id
        self.security_group_id = group.id
        self.register_outputs({"endpoint_ids": self.endpoint_ids, "security_group_id": group.id})


def _for_everybody() -> aws.ec2.VpcEndpointDnsOptionsArgs:
    """S3 alone can restrict private DNS to queries from outside; inside the VPC its names must be private as well."""
    return aws.ec2.VpcEndpointDnsOptionsArgs(private_dns_only_for_inbound_resolver_endpoint=False)
