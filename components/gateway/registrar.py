"""The gateway's companions behind a load balancer: one makes its TLS key, one puts it into the target group."""

from typing import Final

from pulumi import Output
from pulumi_kubernetes.core import v1 as core

from components.gateway.arguments import TLS_FOLDER, Front, GatewayArgs

SETTLE_SECONDS: Final = 30
"""How long the load balancer may still open connections to a gateway that it was told to leave out."""
TLS_VOLUME: Final = "tls"
STATE_VOLUME: Final = "registrar"
STATE_FOLDER: Final = "/run/registrar"
SERVING_FILE: Final = f"{STATE_FOLDER}/serving"
SKIP: Final = {"eks.amazonaws.com/skip-containers": "envoy,certificate"}
"""Only the registrar is given the pod's AWS credentials. Source: amazon-eks-pod-identity-webhook, README."""
SECURITY: Final = core.SecurityContextArgs(
    allow_privilege_escalation=False,
    privileged=False,
    read_only_root_filesystem=True,
    run_as_non_root=True,
    capabilities=core.CapabilitiesArgs(drop=["ALL"]),
    seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
)


def volumes() -> list[core.VolumeArgs]:
    """Both in memory: the key must not reach a disk, and neither outlives its pod."""
    return [
        core.VolumeArgs(name=name, empty_dir=core.EmptyDirVolumeSourceArgs(medium="Memory", size_limit="1Mi"))
        for name in (TLS_VOLUME, STATE_VOLUME)
    ]


def tls_mount(*, read_only: bool) -> core.VolumeMountArgs:
    """Written by `certificate`, read by Envoy, unseen by the registrar."""
    return core.VolumeMountArgs(name=TLS_VOLUME, mount_path=TLS_FOLDER, read_only=read_only)


def certificate(front: Front) -> core.ContainerArgs:
    """Makes a fresh key and its self-signed certificate before Envoy starts."""
    return core.ContainerArgs(
        name="certificate",
        image=front.registrar_image,
        args=["certificate", "--folder", TLS_FOLDER],
        resources=core.ResourceRequirementsArgs(requests={"cpu": "50m", "memory": "64Mi"}, limits={"memory": "128Mi"}),
        security_context=SECURITY,
        volume_mounts=[tls_mount(read_only=False)],
    )


def registrar(front: Front, args: GatewayArgs, scratch: str) -> core.ContainerArgs:
    """Keeps the pod in the target group; at SIGTERM takes it out, then tells Envoy to drain.

    An ordinary container, not a restartable init container: those get their SIGTERM after Envoy has ended. `scratch`
    is the volume that holds Envoy's administration socket.
    """
    own_address = core.EnvVarSourceArgs(field_ref=core.ObjectFieldSelectorArgs(field_path="status.podIP"))
    return core.ContainerArgs(
        name="registrar",
        image=front.registrar_image,
        args=[
            *("register", "--target-group", Output.from_input(front.target_group_arn)),
            *("--address", "$(POD_IP)", "--port", str(args.listen_port), "--region", front.region),
            *("--metrics-port", str(args.metrics_port), "--admin-socket", args.admin_socket),
            *("--serving-file", SERVING_FILE, "--settle-seconds", str(SETTLE_SECONDS)),
        ],
        env=[
            core.EnvVarArgs(name="POD_IP", value_from=own_address),
            core.EnvVarArgs(name="AWS_EC2_METADATA_DISABLED", value="true"),
        ],
        resources=core.ResourceRequirementsArgs(requests={"cpu": "20m", "memory": "96Mi"}, limits={"memory": "192Mi"}),
        security_context=SECURITY,
        # A rollout goes on, and a node is drained, only when the load balancer sends to the new gateway.
        readiness_probe=core.ProbeArgs(
            exec_=core.ExecActionArgs(command=["test", "-e", SERVING_FILE]), period_seconds=5, timeout_seconds=5
        ),
        volume_mounts=[
            core.VolumeMountArgs(name=STATE_VOLUME, mount_path=STATE_FOLDER),
            core.VolumeMountArgs(name=scratch, mount_path=args.admin_socket.rpartition("/")[0], read_only=True),
        ],
    )
