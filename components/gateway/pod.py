"""One gateway's pod: who runs in it, what it may touch, and how it ends."""

from collections.abc import Mapping
from typing import Final

from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.gateway.arguments import GatewayArgs
from components.gateway.configuration import BOOTSTRAP_FILE, arguments
from components.gateway.registrar import SECURITY, certificate, registrar, tls_mount, volumes

BOOTSTRAP: Final = "gateway-bootstrap"
CONFIGURATION: Final = "gateway-configuration"
REVOCATION: Final = "gateway-revocation"
BOOTSTRAP_FOLDER: Final = "/etc/envoy/bootstrap"
SCRATCH: Final = "scratch"
# The user of Envoy's distroless image, and of ours.
USER: Final = 65532
DRAIN_SECONDS: Final = 120
"""How long a gateway that leaves lets running answers finish: at SIGTERM Envoy cuts them within 0.2 s."""


def gateway_pod(args: GatewayArgs, selector: dict[str, str]) -> core.PodSpecArgs:
    """Envoy, and with a front its two companions.

    The end of a pod behind a front: at once the registrar takes it out of the target group; 30 s later, when the load
    balancer sends nothing new, it tells Envoy to drain; after the pause Envoy gets its SIGTERM.
    """
    front = args.front
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
                label_selector=meta.LabelSelectorArgs(match_labels=selector),
            )
        ],
        termination_grace_period_seconds=DRAIN_SECONDS + 15,
        init_containers=[certificate(front)] if front else [],
        containers=[_envoy(args, folders), *([registrar(front, args, SCRATCH)] if front else [])],
        volumes=[
            *(
                core.VolumeArgs(name=name, config_map=core.ConfigMapVolumeSourceArgs(name=name, default_mode=0o440))
                for name in folders
            ),
            core.VolumeArgs(name=SCRATCH, empty_dir=core.EmptyDirVolumeSourceArgs(size_limit="64Mi")),
            *(volumes() if front else []),
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
        security_context=SECURITY,
        startup_probe=core.ProbeArgs(http_get=ready, period_seconds=2, failure_threshold=60),
        readiness_probe=core.ProbeArgs(http_get=ready, period_seconds=5, timeout_seconds=2, failure_threshold=2),
        liveness_probe=core.ProbeArgs(http_get=ready, period_seconds=20, timeout_seconds=5, failure_threshold=6),
        lifecycle=core.LifecycleArgs(
            pre_stop=core.LifecycleHandlerArgs(sleep=core.SleepActionArgs(seconds=DRAIN_SECONDS))
        ),
        volume_mounts=[
            *(core.VolumeMountArgs(name=name, mount_path=folder, read_only=True) for name, folder in folders.items()),
            core.VolumeMountArgs(name=SCRATCH, mount_path="/tmp"),
            *([tls_mount(read_only=True)] if args.front else []),
        ],
    )
