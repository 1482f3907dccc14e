"""The namespace of the models: strict pods, no traffic but what is named, no way in from outside the cluster."""

from dataclasses import dataclass
from typing import Final

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Output, ResourceOptions

PART_OF: Final = {"app.kubernetes.io/part-of": "cloister"}


@dataclass(frozen=True, kw_only=True)
class IsolationArgs:
    """What the namespace is called, and the account of the pods that may read the weight cache."""

    namespace: str
    weights_account: str


class Isolation(ComponentResource):
    """A namespace that admits restricted pods only and denies all traffic; each workload then allows what it needs.

    Outputs:
        namespace: str; what is made in it comes after its denials.
    Source: Kubernetes, "Pod Security Standards" and "Network Policies".
    """

    namespace: Output[str]

    def __init__(self, name: str, args: IsolationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:serving:Isolation", name, None, opts)
        child = ResourceOptions(parent=self)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=args.namespace,
                labels={
                    **PART_OF,
                    "app.kubernetes.io/name": args.namespace,
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/enforce-version": "latest",
                    "pod-security.kubernetes.io/audit": "restricted",
                    "pod-security.kubernetes.io/warn": "restricted",
                },
            ),
            opts=child,
        )
        inside = ResourceOptions(parent=self, depends_on=[namespace])
        deny = _policy(f"{name}-default-deny", "default-deny", args.namespace, None, inside)
        names = _policy(
            f"{name}-name-resolution",
            "name-resolution",
            args.namespace,
            kubernetes.networking.v1.NetworkPolicyEgressRuleArgs(
                to=[
                    kubernetes.networking.v1.NetworkPolicyPeerArgs(
                        namespace_selector=kubernetes.meta.v1.LabelSelectorArgs(
                            match_labels={"kubernetes.io/metadata.name": "kube-system"}
                        ),
                        pod_selector=kubernetes.meta.v1.LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
                    )
                ],
                ports=[
                    kubernetes.networking.v1.NetworkPolicyPortArgs(port=53, protocol=protocol)
                    for protocol in ("UDP", "TCP")
                ],
            ),
            inside,
        )
        quota = kubernetes.core.v1.ResourceQuota(
            f"{name}-no-exposure",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name="no-exposure", namespace=args.namespace, labels=PART_OF),
            # A service of these types would open a way past the gateway.
            spec=kubernetes.core.v1.ResourceQuotaSpecArgs(
                hard={"services.loadbalancers": "0", "services.nodeports": "0"}
            ),
            opts=inside,
        )
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-weights-account",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=args.weights_account, namespace=args.namespace, labels=PART_OF
            ),
            automount_service_account_token=False,
            opts=inside,
        )
        # Options do not reach the children of a component; what takes the name from here comes after the denials.
        made = [each.metadata.apply(lambda metadata: str(metadata.name)) for each in (namespace, deny, names, quota)]
        made.append(account.metadata.apply(lambda metadata: str(metadata.name)))
        self.namespace = Output.all(*made).apply(lambda physical_names: str(physical_names[0]))
        self.register_outputs({"namespace": self.namespace})


def _policy(
    name: str,
    physical: str,
    namespace: str,
    egress: kubernetes.networking.v1.NetworkPolicyEgressRuleArgs | None,
    opts: ResourceOptions,
) -> kubernetes.networking.v1.NetworkPolicy:
    """A rule for every pod of the namespace; without an exception it denies both directions."""
    return kubernetes.networking.v1.NetworkPolicy(
        name,
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=physical, namespace=namespace, labels=PART_OF),
        spec=kubernetes.networking.v1.NetworkPolicySpecArgs(
            pod_selector=kubernetes.meta.v1.LabelSelectorArgs(),
            policy_types=["Ingress", "Egress"],
            egress=[] if egress is None else [egress],
            ingress=[],
        ),
        opts=opts,
    )
