"""The gateway on Kubernetes: Envoy replicas behind one internal Service, configured by three ConfigMaps."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.gateway.configuration import BOOTSTRAP_FILE, REVOCATION_FILE, arguments, revocation_file

k8s = kubernetes
meta = kubernetes.meta.v1
core = kubernetes.core.v1

SELECTOR: Final = {"app.kubernetes.io/name": "gateway"}
LABELS: Final = {**SELECTOR, "app.kubernetes.io/part-of": "cloister"}
BOOTSTRAP: Final = "gateway-bootstrap"
CONFIGURATION: Final = "gateway-configuration"
REVOCATION: Final = "gateway-revocation"
BOOTSTRAP_FOLDER: Final = "/etc/envoy/bootstrap"
# The user of Envoy's distroless image.
USER: Final = 65532
DRAIN_SECONDS: Final = 120
"""How long a gateway that leaves lets running answers finish: at SIGTERM Envoy cuts them within 0.2 s."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Envoy's documents, made by `components.gateway.configuration`, and where the replicas run.

    Args:
        bootstrap: text of the document that Envoy starts with; a change replaces the pods.
        files: name -> text of the files that Envoy watches; a change takes effect in the running pods.
        client_cidrs: networks whose clients, or whose load balancer, may call the gateway.
    """

    namespace: Input[str]
    image: str
    replicas: int
    bootstrap: Input[str]
    files: Input[Mapping[str, str]]
    configuration_folder: str
    revocation_folder: str
    listen_port: int
    metrics_port: int
    engine_port: int
    client_cidrs: Sequence[str]


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
        rules = _traffic(f"{name}-traffic", metadata, args, child)
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
                        annotations={"cloister/bootstrap-sha256": Output.from_input(args.bootstrap).apply(_digest)},
                    ),
                    spec=_pod(args),
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


def _traffic(
    name: str, metadata: meta.ObjectMetaArgs, args: GatewayArgs, opts: ResourceOptions
) -> k8s.networking.v1.NetworkPolicy:
    """In: clients of the named networks, to the one port. Out: engines. The kubelet's probes need no rule."""
    rule = k8s.networking.v1
    return rule.NetworkPolicy(
        name,
        metadata=metadata,
        spec=rule.NetworkPolicySpecArgs(
            pod_selector=meta.LabelSelectorArgs(match_labels=SELECTOR),
            policy_types=["Ingress", "Egress"],
            ingress=[
                rule.NetworkPolicyIngressRuleArgs(
                    from_=[
                        rule.NetworkPolicyPeerArgs(ip_block=rule.IPBlockArgs(cidr=cidr)) for cidr in args.client_cidrs
                    ],
                    ports=[rule.NetworkPolicyPortArgs(port=args.listen_port, protocol="TCP")],
                )
            ],
            egress=[
                rule.NetworkPolicyEgressRuleArgs(
                    to=[
                        rule.NetworkPolicyPeerArgs(
                            pod_selector=meta.LabelSelectorArgs(match_labels={"app.kubernetes.io/name": "engine"})
                        )
                    ],
                    ports=[rule.NetworkPolicyPortArgs(port=args.engine_port, protocol="TCP")],
                )
            ],
        ),
        opts=opts,
    )


def _pod(args: GatewayArgs) -> core.PodSpecArgs:
    folders = {
        BOOTSTRAP: BOOTSTRAP_FOLDER,
        CONFIGURATION: args.configuration_folder,
        REVOCATION: args.revocation_folder,
    }
    return core.PodSpecArgs(
        service_account_name="gateway",
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=core.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        ),
        # One of two gateways survives the loss of a zone.
        topology_spread_constraints=[
            core.TopologySpreadConstraintArgs(
                max_skew=1,
                topology_key="topology.kubernetes.io/zone",
                when_unsatisfiable="ScheduleAnyway",
                label_selector=meta.LabelSelectorArgs(match_labels=SELECTOR),
            )
        ],
        termination_grace_period_seconds=DRAIN_SECONDS + 15,
        containers=[_envoy(args, folders)],
        volumes=[
            *(
                core.VolumeArgs(name=name, config_map=core.ConfigMapVolumeSourceArgs(name=name, default_mode=0o440))
                for name in folders
            ),
            core.VolumeArgs(name="scratch", empty_dir=core.EmptyDirVolumeSourceArgs(size_limit="64Mi")),
        ],
    )


def _envoy(args: GatewayArgs, folders: Mapping[str, str]) -> core.ContainerArgs:
    ready = core.HTTPGetActionArgs(path="/ready", port=args.metrics_port)
    return core.ContainerArgs(
        name="envoy",
        image=args.image,
        args=list(arguments(f"{BOOTSTRAP_FOLDER}/{BOOTSTRAP_FILE}")),
        ports=[
            core.ContainerPortArgs(name="api", container_port=args.listen_port, protocol="TCP"),
            core.ContainerPortArgs(name="metrics", container_port=args.metrics_port, protocol="TCP"),
        ],
        resources=core.ResourceRequirementsArgs(requests={"cpu": "500m", "memory": "512Mi"}, limits={"memory": "2Gi"}),
        security_context=core.SecurityContextArgs(
            allow_privilege_escalation=False,
            privileged=False,
            read_only_root_filesystem=True,
            run_as_non_root=True,
            capabilities=core.CapabilitiesArgs(drop=["ALL"]),
            seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        ),
        startup_probe=core.ProbeArgs(http_get=ready, period_seconds=2, failure_threshold=60),
        readiness_probe=core.ProbeArgs(http_get=ready, period_seconds=5, timeout_seconds=2, failure_threshold=2),
        liveness_probe=core.ProbeArgs(http_get=ready, period_seconds=20, timeout_seconds=5, failure_threshold=6),
        lifecycle=core.LifecycleArgs(
            pre_stop=core.LifecycleHandlerArgs(sleep=core.SleepActionArgs(seconds=DRAIN_SECONDS))
        ),
        volume_mounts=[
            *(core.VolumeMountArgs(name=name, mount_path=folder, read_only=True) for name, folder in folders.items()),
            core.VolumeMountArgs(name="scratch", mount_path="/tmp"),
        ],
    )
