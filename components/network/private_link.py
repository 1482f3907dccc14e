"""The gateway as an endpoint service: consumers put an interface of it into their VPC; no route joins the two."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions


@dataclass(frozen=True, kw_only=True)
class PrivateLinkArgs:
    """Who may ask.

    Attributes:
        region: the only one that the service is offered in.
        balancer_arn: the gateway's load balancer.
        principals: ARNs of accounts, roles or users that may create an endpoint.
    """

    region: str
    balancer_arn: Input[str]
    principals: Sequence[str]


class PrivateLink(pulumi.ComponentResource):
    """An endpoint service for named principals; each connection waits until somebody of ours accepts it.

    Outputs:
        service_name: str, what consumers name in their endpoint.
    Source: AWS PrivateLink Guide, "Share your services through AWS PrivateLink".
    """

    service_name: Output[str]

    def __init__(self, name: str, args: PrivateLinkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:PrivateLink", name, None, opts)
        service = aws.ec2.VpcEndpointService(
            f"{name}-service",
            acceptance_required=True,
            allowed_principals=list(args.principals),
            network_load_balancer_arns=[args.balancer_arn],
            supported_ip_address_types=["ipv4"],
            supported_regions=[args.region],
            opts=ResourceOptions(parent=self),
        )
        self.service_name = service.service_name
        self.register_outputs({"service_name": self.service_name})
