"""The doors of the sealed VPC: one endpoint for each AWS service that it needs, and for no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog.endpoint_service import EndpointService
from components.catalog.names import Names
from components.catalog.vpc_endpoints import endpoint_services, service_name
from components.network.endpoint_policy import endpoint_policy


@dataclass(frozen=True, kw_only=True)
class EndpointsArgs:
    """Where the endpoints stand, and who may knock.

    Attributes:
        names: physical names of the platform.
        uses: what the services are computed from, see `catalog/vpc_endpoints.py`.
        organisation: AWS Organizations id that callers and things must be of, or None.
        state_bucket: holds the state of the stacks that a runner inside deploys, or None.
        vpc_id: the VPC.
        subnet_ids: one small subnet for each zone.
        route_table_ids: every route table; S3 is reached by a route.
        client_cidrs: subnets of machines and pods.
        shared: service suffix -> peer name -> its range, for services that peers may use.
    """

    names: Names
    uses: Sequence[str]
    organisation: str | None
    state_bucket: str | None
    vpc_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    route_table_ids: Sequence[Input[str]]
    client_cidrs: Sequence[str]
    shared: Mapping[str, Mapping[str, str]]


class Endpoints(pulumi.ComponentResource):
    """Interface endpoints by TLS from known subnets and S3 by a gateway endpoint, each with a policy of its own.

    Outputs:
        endpoint_ids: service suffix -> endpoint.
        storage_prefix_list_id: str, what security groups call S3.
        names: service suffix -> (DNS name, its hosted zone) of the endpoints that are shared.
    Source: AWS PrivateLink Guide, "Access AWS services through AWS PrivateLink" and "Gateway endpoints for Amazon S3".
    """

    endpoint_ids: dict[str, Output[str]]
    storage_prefix_list_id: Output[str]
    names: dict[str, tuple[Output[str], Output[str]]]

    def __init__(self, name: str, args: EndpointsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Endpoints", name, None, opts)
        group = self._group(f"{name}-group", args, args.client_cidrs, "TLS from machines and pods, nothing outwards")
        peers = {peer: cidr for sharers in args.shared.values() for peer, cidr in sharers.items()}
        theirs = {
            peer: self._group(f"{name}-group-{peer}", args, [cidr], f"TLS from the peer {peer}, nothing outwards")
            for peer, cidr in sorted(peers.items())
        }
        self.endpoint_ids, self.names = {}, {}
        for service in endpoint_services(args.uses):
            logical = f"{name}-{service.suffix.replace('.', '-')}"
            if service.kind == "Gateway":
                endpoint = self._gateway(logical, service, args)
                self.storage_prefix_list_id = endpoint.prefix_list_id
            else:
                sharers = args.shared.get(service.suffix, {})
                groups = [group.id, *(theirs[peer].id for peer in sorted(sharers))]
                endpoint = self._interface(logical, service, args, groups, shared=bool(sharers))
                if sharers:
                    self.names[service.suffix] = (
                        endpoint.dns_entries[0].dns_name.apply(str),
                        endpoint.dns_entries[0].hosted_zone_id.apply(str),
                    )
            self.endpoint_ids[service.suffix] = endpoint.id
        self.register_outputs(
            {"endpoint_ids": self.endpoint_ids, "storage_prefix_list_id": self.storage_prefix_list_id}
        )

    def _group(
        self, name: str, args: EndpointsArgs, client_cidrs: Sequence[str], description: str
    ) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            name,
            description=f"Interface endpoints: {description}",
            vpc_id=args.vpc_id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_blocks=list(client_cidrs),
                    description="TLS",
                )
            ],
            egress=[],
            revoke_rules_on_delete=True,
            opts=ResourceOptions(parent=self),
        )

    def _gateway(self, name: str, service: EndpointService, args: EndpointsArgs) -> aws.ec2.VpcEndpoint:
        """A route in every table; it costs nothing, and nothing outside the VPC can use it."""
        return aws.ec2.VpcEndpoint(
            name,
            vpc_id=args.vpc_id,
            service_name=service_name(service.suffix, args.names.region),
            vpc_endpoint_type="Gateway",
            route_table_ids=list(args.route_table_ids),
            policy=self._policy(service, args),
            opts=ResourceOptions(parent=self),
        )

    def _interface(
        self, name: str, service: EndpointService, args: EndpointsArgs, groups: Sequence[Input[str]], *, shared: bool
    ) -> aws.ec2.VpcEndpoint:
        """Addresses of our own in every zone; the name of a shared one comes from a zone that peers see as well."""
        return aws.ec2.VpcEndpoint(
            name,
            vpc_id=args.vpc_id,
            service_name=service_name(service.suffix, args.names.region),
            vpc_endpoint_type="Interface",
            ip_address_type="ipv4",
            subnet_ids=list(args.subnet_ids),
            security_group_ids=list(groups),
            private_dns_enabled=not shared,
            policy=self._policy(service, args),
            opts=ResourceOptions(parent=self),
        )

    def _policy(self, service: EndpointService, args: EndpointsArgs) -> str:
        return endpoint_policy(
            service, args.names, args.uses, organisation=args.organisation, state_bucket=args.state_bucket
        )
