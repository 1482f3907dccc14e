"""The gateway on Kubernetes: Envoy replicas behind one internal Service, configured by three ConfigMaps."""

import hashlib
from collections.abc import Mapping
from typing import Final

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.gateway.arguments import GatewayArgs
from components.gateway.configuration import BOOTSTRAP_FILE, REVOCATION_FILE, revocation_file
from components.gateway.pod import BOOTSTRAP, CONFIGURATION, REVOCATION, gateway_pod
from components.gateway.registrar import SKIP
from components.gateway.traffic import gateway_traffic

k8s = kubernetes
meta = kubernetes.meta.v1
core = kubernetes.core.v1

SELECTOR: Final = {"app.kubernetes.io/name": "gateway"}
LABELS: Final = {**SELECTOR, "app.kubernetes.io/part-of": "cloister"}


class Gateway(ComponentResource):
    """The only way to a model: checks tokens, models and limits, and is reachable from the named networks alone.

    Outputs:
        service: str, host name inside the cluster.
        revocation_target: str, what `cloister token revoke --target` edits.
    """

    service: Output[str]
    revocation_target: Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:gateway:Gateway", name, None, opts)
        child = ResourceOptions(parent=self)
        metadata = meta.ObjectMetaArgs(name="gateway", namespace=args.namespace, labels=LABELS)
        rules = gateway_traffic(f"{name}-traffic", metadata, SELECTOR, args, child)
        account = core.ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        bootstrap = _files(
            f"{name}-bootstrap", BOOTSTRAP, args, Output.from_input(args.bootstrap).apply(_bootstrap), child
        )
        configuration = _files(f"{name}-configuration", CONFIGURATION, args, args.files, child)
        revocation = _files(
            f"{name}-revocation",
            REVOCATION,
            args,
            {REVOCATION_FILE: revocation_file([], [])},
            # `cloister token revoke` writes here: a deployment must never bring a revoked token back.
            ResourceOptions(parent=self, ignore_changes=["data"]),
        )
        core.Service(
            f"{name}-service",
            metadata=metadata,
            spec=core.ServiceSpecArgs(
                type="ClusterIP",
                selector=SELECTOR,
                ip_families=["IPv4"],
                ip_family_policy="SingleStack",
                # A caller's own zone first: an answer that crosses zones costs.
                traffic_distribution="PreferSameZone",
                ports=[core.ServicePortArgs(name="api", port=443, target_port=args.listen_port, protocol="TCP")],
            ),
            opts=child,
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption",
            metadata=metadata,
            spec=k8s.policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1, selector=meta.LabelSelectorArgs(match_labels=SELECTOR)
            ),
            opts=child,
        )
        k8s.apps.v1.Deployment(
            f"{name}-envoy",
            metadata=metadata,
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=args.replicas,
                revision_history_limit=3,
                selector=meta.LabelSelectorArgs(match_labels=SELECTOR),
                strategy=k8s.apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                template=core.PodTemplateSpecArgs(
                    metadata=meta.ObjectMetaArgs(
                        labels=LABELS,
                        annotations={
                            "cloister/bootstrap-sha256": Output.from_input(args.bootstrap).apply(_digest),
                            **(SKIP if args.front else {}),
                        },
                    ),
                    spec=gateway_pod(args, SELECTOR),
                ),
            ),
            opts=ResourceOptions(parent=self, depends_on=[rules, account, bootstrap, configuration, revocation]),
        )
        self.service = Output.concat("gateway.", args.namespace, ".svc.cluster.local")
        self.revocation_target = Output.concat("configmap:", args.namespace, "/", REVOCATION)
        self.register_outputs({"service": self.service, "revocation_target": self.revocation_target})


def _bootstrap(text: str) -> dict[str, str]:
    return {BOOTSTRAP_FILE: text}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _files(
    name: str, physical: str, args: GatewayArgs, data: Input[Mapping[str, str]], opts: ResourceOptions
) -> core.ConfigMap:
    return core.ConfigMap(
        name,
        metadata=meta.ObjectMetaArgs(name=physical, namespace=args.namespace, labels=LABELS),
        data=data,
        opts=opts,
    )
