"""Where clients reach the gateway: an internal load balancer that ends TLS and starts it anew to the gateway's pods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog.names import Names
from components.settings.network import Front as FrontSettings

GATEWAY_PORT: Final = 8443
"""Where the gateway's pods listen."""
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.3 and 1.2, ciphers with forward secrecy and authentication only. Source: NLB User Guide, "TLS listeners"."""
DEREGISTRATION_SECONDS: Final = 300
"""How long answers of a gateway that leaves may go on; the longest that its pod waits is below."""


@dataclass(frozen=True, kw_only=True)
class FrontArgs:
    """What stands in front of the gateway.

    Attributes:
        names: physical names of the platform.
        settings: name, certificate, cross-zone.
        vpc_id: the VPC.
        subnet_ids: one small subnet for each zone.
        caller_cidrs: ranges that may call the gateway.
        pod_cidrs: where the gateway's pods have their addresses.
        private_link: whether endpoints of other VPCs lead here as well.
        log_bucket: takes a record of every TLS connection.
        after: what must be there before the first record is written.
    """

    names: Names
    settings: FrontSettings
    vpc_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    caller_cidrs: Sequence[str]
    pod_cidrs: Sequence[str]
    private_link: bool
    log_bucket: Input[str]
    after: Sequence[pulumi.Resource] = ()


class Front(pulumi.ComponentResource):
    """TLS on 443 from declared callers, TLS to gateways that refuse strangers; nothing else comes through.

    Outputs:
        balancer_arn: str.
        target_group_arn: str, where each gateway's pod registers its own address.
        security_group_id: str, the only source that nodes admit on the gateway's port.
        dns_name: str, with `hosted_zone_id` what a private name stands for.
    Source: NLB User Guide, "Network Load Balancers", "TLS listeners", "Health checks" and "Access logs".
    """

    balancer_arn: Output[str]
    target_group_arn: Output[str]
    security_group_id: Output[str]
    dns_name: Output[str]
    hosted_zone_id: Output[str]

    def __init__(self, name: str, args: FrontArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Front", name, None, opts)
        child = ResourceOptions(parent=self)
        group = self._group(f"{name}-group", args)
        balancer = aws.lb.LoadBalancer(
            f"{name}-balancer",
            name=args.names.load_balancer,
            load_balancer_type="network",
            internal=True,
            ip_address_type="ipv4",
            subnets=list(args.subnet_ids),
            security_groups=[group.id],
            enable_deletion_protection=args.settings.deletion_protection,
            enable_cross_zone_load_balancing=args.settings.cross_zone,
            # A client's resolver prefers the address in the client's own zone: no transfer fee, and less to wait.
            dns_record_client_routing_policy="availability_zone_affinity",
            # A consumer's addresses lie in its own VPC and may be anybody's: principals and acceptance decide there.
            enforce_security_group_inbound_rules_on_private_link_traffic="off" if args.private_link else None,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(bucket=args.log_bucket, prefix="gateway", enabled=True),
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        targets = aws.lb.TargetGroup(
            f"{name}-targets",
            name=args.names.load_balancer,
            port=GATEWAY_PORT,
            protocol="TLS",
            target_type="ip",
            vpc_id=args.vpc_id,
            # Pods answer the balancer, so no route and no rule of theirs names a client.
            preserve_client_ip="false",
            deregistration_delay=DEREGISTRATION_SECONDS,
            connection_termination=False,
            # Alive, and closed to strangers: a gateway that lets a request without a token in is taken out.
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                protocol="HTTPS",
                port="traffic-port",
                path="/v1/models",
                matcher="401",
                interval=10,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=2,
            ),
            opts=child,
        )
        aws.lb.Listener(
            f"{name}-listener",
            load_balancer_arn=balancer.arn,
            port=443,
            protocol="TLS",
            ssl_policy=TLS_POLICY,
            certificate_arn=self._certificate(f"{name}-certificate", args.settings),
            alpn_policy="HTTP2Optional",
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            opts=child,
        )
        self.balancer_arn, self.target_group_arn = balancer.arn, targets.arn
        self.security_group_id = group.id
        self.dns_name, self.hosted_zone_id = balancer.dns_name, balancer.zone_id
        self.register_outputs(
            {
                "balancer_arn": self.balancer_arn,
                "target_group_arn": self.target_group_arn,
                "security_group_id": self.security_group_id,
                "dns_name": self.dns_name,
                "hosted_zone_id": self.hosted_zone_id,
            }
        )

    def _certificate(self, name: str, settings: FrontSettings) -> Input[str]:
        """A certificate that is there, or one of the organisation's private CA; its key never leaves ACM."""
        if settings.certificate_arn is not None:
            return settings.certificate_arn
        certificate = aws.acm.Certificate(
            name,
            domain_name=settings.host_name,
            certificate_authority_arn=settings.certificate_authority_arn,
            key_algorithm="EC_prime256v1",
            opts=ResourceOptions(parent=self),
        )
        return certificate.arn

    def _group(self, name: str, args: FrontArgs) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            name,
            description="Gateway's load balancer: TLS from declared callers, to the gateway's pods only",
            vpc_id=args.vpc_id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp", from_port=443, to_port=443, cidr_blocks=[cidr], description="Clients of the gateway"
                )
                for cidr in args.caller_cidrs
            ],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="tcp",
                    from_port=GATEWAY_PORT,
                    to_port=GATEWAY_PORT,
                    cidr_blocks=list(args.pod_cidrs),
                    description="Gateways and their health",
                )
            ],
            revoke_rules_on_delete=True,
            opts=ResourceOptions(parent=self),
        )
