"""Whom the gateway's pods talk to."""

from collections.abc import Sequence

from pulumi import ResourceOptions
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.networking import v1 as rule

from components.catalog.add_ons import POD_IDENTITY_AGENT
from components.gateway.arguments import GatewayArgs


def gateway_traffic(
    name: str, metadata: meta.ObjectMetaArgs, selector: dict[str, str], args: GatewayArgs, opts: ResourceOptions
) -> rule.NetworkPolicy:
    """In: the named networks, to the one port. Out: engines; with a front the API that registers, and its credentials.

    The kubelet's probes need no rule.
    """
    engines = rule.NetworkPolicyPeerArgs(
        pod_selector=meta.LabelSelectorArgs(match_labels={"app.kubernetes.io/name": "engine"})
    )
    egress = [rule.NetworkPolicyEgressRuleArgs(to=[engines], ports=[_tcp(args.engine_port)])]
    if args.front is not None:
        egress += [
            rule.NetworkPolicyEgressRuleArgs(to=_ranges(args.front.endpoint_cidrs), ports=[_tcp(443)]),
            rule.NetworkPolicyEgressRuleArgs(to=_ranges([POD_IDENTITY_AGENT]), ports=[_tcp(80)]),
        ]
    return rule.NetworkPolicy(
        name,
        metadata=metadata,
        spec=rule.NetworkPolicySpecArgs(
            pod_selector=meta.LabelSelectorArgs(match_labels=selector),
            policy_types=["Ingress", "Egress"],
            ingress=[
                rule.NetworkPolicyIngressRuleArgs(from_=_ranges(args.client_cidrs), ports=[_tcp(args.listen_port)])
            ],
            egress=egress,
        ),
        opts=opts,
    )


def _ranges(cidrs: Sequence[str]) -> list[rule.NetworkPolicyPeerArgs]:
    return [rule.NetworkPolicyPeerArgs(ip_block=rule.IPBlockArgs(cidr=cidr)) for cidr in cidrs]


def _tcp(port: int) -> rule.NetworkPolicyPortArgs:
    return rule.NetworkPolicyPortArgs(port=port, protocol="TCP")
