"""Who an engine's pods talk to."""

from collections.abc import Sequence

from pulumi import ResourceOptions
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.networking import v1 as rule

from components.catalog.add_ons import POD_IDENTITY_AGENT


def engine_traffic(
    name: str,
    metadata: meta.ObjectMetaArgs,
    selector: dict[str, str],
    port: int,
    storage_cidrs: Sequence[str],
    opts: ResourceOptions,
) -> rule.NetworkPolicy:
    """In: the gateway, to the one port. Out: S3's ranges and the agent that hands out credentials for it.

    S3's addresses are public and the rule admits all of the region's; the VPC has no way to them but its gateway
    endpoint, whose policy knows the weight cache only.
    """
    return rule.NetworkPolicy(
        name,
        metadata=metadata,
        spec=rule.NetworkPolicySpecArgs(
            pod_selector=meta.LabelSelectorArgs(match_labels=selector),
            policy_types=["Ingress", "Egress"],
            ingress=[
                rule.NetworkPolicyIngressRuleArgs(
                    from_=[
                        rule.NetworkPolicyPeerArgs(
                            pod_selector=meta.LabelSelectorArgs(match_labels={"app.kubernetes.io/name": "gateway"})
                        )
                    ],
                    ports=[rule.NetworkPolicyPortArgs(port=port, protocol="TCP")],
                )
            ],
            egress=[
                rule.NetworkPolicyEgressRuleArgs(
                    to=[rule.NetworkPolicyPeerArgs(ip_block=rule.IPBlockArgs(cidr=cidr)) for cidr in storage_cidrs],
                    ports=[rule.NetworkPolicyPortArgs(port=443, protocol="TCP")],
                ),
                rule.NetworkPolicyEgressRuleArgs(
                    to=[rule.NetworkPolicyPeerArgs(ip_block=rule.IPBlockArgs(cidr=POD_IDENTITY_AGENT))],
                    ports=[rule.NetworkPolicyPortArgs(port=80, protocol="TCP")],
                ),
            ],
        ),
        opts=opts,
    )
