"""One model on the cluster: a loader that verifies every byte, then an engine that only the gateway may call."""

from dataclasses import dataclass
from typing import Final

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, CustomTimeouts, Input, Output, ResourceOptions

from components.catalog.names import POOL_LABEL
from components.serving.engines.launch import Launch
from components.serving.pod import (
    SHARED_MEMORY,
    container_security,
    empty_dirs,
    engine_memory_gib,
    environment,
    patient,
    pod_security,
)
from components.serving.traffic import engine_traffic
from components.serving.weights import Weights
from components.settings.model_service import ModelService

k8s = kubernetes
meta = kubernetes.meta.v1

PRE_STOP_SECONDS: Final = 15
"""Long enough for the gateway to drop the pod: a draining vLLM stays healthy and answers new requests with 500."""
STOP_MARGIN_SECONDS: Final = 20


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """One model of a stack.

    Args:
        model: the settings section of the model.
        engine_image: reference by digest.
        service_account: the account that may read the weight cache.
        storage_cidrs: the ranges in which S3 has its addresses in the region.
    """

    namespace: Input[str]
    model: ModelService
    weights: Weights
    launch: Launch
    engine_image: str
    service_account: str
    storage_cidrs: tuple[str, ...]


def host_name(model: str, namespace: str) -> str:
    """The name that resolves to every ready replica of a model."""
    return f"{model}-engine.{namespace}.svc.cluster.local"


def labels(model: str) -> dict[str, str]:
    """What selects the pods of one model."""
    return {"app.kubernetes.io/name": "engine", "app.kubernetes.io/instance": model}


class Workload(ComponentResource):
    """A model that starts with the locked bytes only, ends after its answers, and is reachable from the gateway alone.

    Outputs:
        host_name: str, resolves to the addresses of all ready replicas.
    """

    host_name: Output[str]

    def __init__(self, name: str, model: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:serving:Workload", f"{name}-{model}", None, opts)
        child = ResourceOptions(parent=self)
        selector = labels(model)
        metadata = meta.ObjectMetaArgs(
            name=f"{model}-engine",
            namespace=args.namespace,
            labels={**selector, "app.kubernetes.io/part-of": "cloister"},
        )
        rules = engine_traffic(
            f"{name}-traffic-{model}", metadata, selector, args.launch.port, args.storage_cidrs, child
        )
        service = k8s.core.v1.Service(
            f"{name}-service-{model}",
            metadata=metadata,
            # Headless: the gateway itself spreads requests by prompt prefix and must see every replica.
            spec=k8s.core.v1.ServiceSpecArgs(
                type="ClusterIP",
                cluster_ip="None",
                selector=selector,
                ip_families=["IPv4"],
                ip_family_policy="SingleStack",
                ports=[k8s.core.v1.ServicePortArgs(name="http", port=args.launch.port, protocol="TCP")],
            ),
            # Its endpoints appear with the first ready pod, which may take an hour.
            opts=ResourceOptions(parent=self, depends_on=[rules]),
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption-{model}",
            metadata=metadata,
            spec=k8s.policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1, selector=meta.LabelSelectorArgs(match_labels=selector)
            ),
            opts=child,
        )
        patience = args.model.start_seconds + 600
        k8s.apps.v1.Deployment(
            f"{name}-engine-{model}",
            metadata=metadata,
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=args.model.replicas,
                revision_history_limit=3,
                progress_deadline_seconds=patience,
                selector=meta.LabelSelectorArgs(match_labels=selector),
                # No spare GPU stands by: the old pod leaves before the new one comes.
                strategy=k8s.apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_surge=0, max_unavailable=1),
                ),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=meta.ObjectMetaArgs(labels={**selector, "app.kubernetes.io/part-of": "cloister"}),
                    spec=_pod(selector, args),
                ),
            ),
            opts=ResourceOptions(
                parent=self,
                depends_on=[rules],
                custom_timeouts=CustomTimeouts(create=f"{patience}s", update=f"{patience}s"),
            ),
        )
        self.host_name = service.metadata.apply(lambda it: host_name(model, str(it.namespace)))
        self.register_outputs({"host_name": self.host_name})


def _pod(selector: dict[str, str], args: WorkloadArgs) -> k8s.core.v1.PodSpecArgs:
    core = k8s.core.v1
    scratch = empty_dirs(args.launch.writable_paths, gpus=args.model.gpus)
    spread = core.TopologySpreadConstraintArgs(
        max_skew=1,
        topology_key="topology.kubernetes.io/zone",
        when_unsatisfiable="ScheduleAnyway",
        label_selector=meta.LabelSelectorArgs(match_labels=selector),
    )
    return core.PodSpecArgs(
        service_account_name=args.service_account,
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=pod_security(args.launch.user, args.launch.group),
        node_selector={POOL_LABEL: args.model.node_pool},
        tolerations=[core.TolerationArgs(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")],
        topology_spread_constraints=[spread] if args.model.replicas > 1 else [],
        termination_grace_period_seconds=PRE_STOP_SECONDS + args.model.drain_seconds + STOP_MARGIN_SECONDS,
        init_containers=args.weights.loaders([mount for _, mount in scratch if mount.mount_path != SHARED_MEMORY]),
        containers=[_engine(args, [mount for _, mount in scratch])],
        volumes=[*args.weights.volumes(), *(volume for volume, _ in scratch)],
    )


def _engine(args: WorkloadArgs, scratch: list[k8s.core.v1.VolumeMountArgs]) -> k8s.core.v1.ContainerArgs:
    core = k8s.core.v1
    memory = f"{engine_memory_gib(args.weights.lock, args.model.gpus)}Gi"
    gpus = {"nvidia.com/gpu": str(args.model.gpus)}
    health = core.HTTPGetActionArgs(path=args.launch.health_path, port=args.launch.port)
    return core.ContainerArgs(
        name="engine",
        image=args.engine_image,
        command=list(args.launch.command),
        args=list(args.launch.arguments),
        env=environment({**args.launch.environment, **args.weights.variables()}),
        ports=[core.ContainerPortArgs(name="http", container_port=args.launch.port, protocol="TCP")],
        resources=core.ResourceRequirementsArgs(
            requests={
                **gpus,
                "cpu": str(1 + args.model.gpus),
                "memory": memory,
                "ephemeral-storage": f"{args.weights.own_disk_gib + 4}Gi",
            },
            limits={**gpus, "memory": memory},
        ),
        security_context=container_security(),
        # Loading and compiling take minutes: only this probe waits for them.
        startup_probe=patient(health, args.model.start_seconds),
        readiness_probe=core.ProbeArgs(http_get=health, period_seconds=5, timeout_seconds=5, failure_threshold=2),
        liveness_probe=core.ProbeArgs(http_get=health, period_seconds=20, timeout_seconds=10, failure_threshold=6),
        lifecycle=core.LifecycleArgs(
            pre_stop=core.LifecycleHandlerArgs(sleep=core.SleepActionArgs(seconds=PRE_STOP_SECONDS))
        ),
        volume_mounts=[*args.weights.mounts(), *scratch],
    )
