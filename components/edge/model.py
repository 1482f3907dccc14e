"""One model on a Docker host: weights are fetched and verified, then an engine without any way out serves them."""

from dataclasses import dataclass
from typing import Final

import pulumi_docker as docker
from pulumi import ComponentResource, CustomTimeouts, Input, Output, ResourceOptions

from components.edge.hardening import DROP_ALL, NO_NEW_PRIVILEGES, scratch, workspace
from components.model.loader import MODELS, fetch_arguments
from components.model.lock import ModelLock
from components.serving.engines.launch import Launch
from components.settings.model_service import EdgeModel

AWS_FOLDER: Final = "/run/aws"
START_SECONDS: Final = 1800
MIB_PER_GIB: Final = 1024


@dataclass(frozen=True, kw_only=True)
class ModelArgs:
    """One model of an edge stack.

    Args:
        aws_folder: folder on the host with an AWS `config` file; the loader alone sees it, read-only.
        inside: network of engines and gateway; `outside`: network that reaches the weight cache.
    """

    model: EdgeModel
    lock: ModelLock
    launch: Launch
    engine_image: str
    loader_image: str
    bucket: str
    region: str
    aws_folder: str
    inside: Input[str]
    outside: Input[str]


def host_name(model: str) -> str:
    """The name under which the gateway finds a model's engine."""
    return f"{model}.engine.cloister.internal"


class Model(ComponentResource):
    """A model that starts only with the locked bytes and talks to nobody but the gateway.

    Outputs:
        host_name: str, the engine's name on the inside network.
    """

    host_name: Output[str]

    def __init__(self, name: str, model: str, args: ModelArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:edge:Model", f"{name}-{model}", None, opts)
        weights = docker.Volume(
            f"{name}-weights-{model}", name=f"cloister-weights-{model}", opts=ResourceOptions(parent=self)
        )
        loader = docker.Container(
            f"{name}-loader-{model}",
            name=f"{model}.loader.cloister.internal",
            image=args.loader_image,
            command=fetch_arguments(args.lock, args.bucket),
            envs=[f"AWS_REGION={args.region}", f"AWS_CONFIG_FILE={AWS_FOLDER}/config"],
            # Runs to its end before anything depends on it: a wrong byte stops the deployment here.
            attach=True,
            logs=True,
            must_run=False,
            restart="no",
            rm=False,
            read_only=True,
            privileged=False,
            capabilities=DROP_ALL,
            security_opts=NO_NEW_PRIVILEGES,
            tmpfs=scratch("/tmp"),
            memory=MIB_PER_GIB,
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=args.outside)],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=weights.name, container_path=MODELS),
                docker.ContainerVolumeArgs(host_path=args.aws_folder, container_path=AWS_FOLDER, read_only=True),
            ],
            opts=ResourceOptions(
                parent=self, delete_before_replace=True, custom_timeouts=CustomTimeouts(create=f"{START_SECONDS}s")
            ),
        )
        health = f"http://{host_name(model)}:{args.launch.port}{args.launch.health_path}"
        engine = docker.Container(
            f"{name}-engine-{model}",
            name=host_name(model),
            image=args.engine_image,
            entrypoints=list(args.launch.command) or None,
            command=list(args.launch.arguments),
            envs=[f"{key}={value}" for key, value in args.launch.environment.items()],
            user=f"{args.launch.user}:{args.launch.group}",
            gpus="all" if args.model.gpus else None,
            memory=args.model.memory_gib * MIB_PER_GIB,
            shm_size=MIB_PER_GIB,
            restart="unless-stopped",
            must_run=True,
            read_only=True,
            privileged=False,
            capabilities=DROP_ALL,
            security_opts=NO_NEW_PRIVILEGES,
            tmpfs=workspace(args.launch.writable_paths),
            stop_timeout=45,
            destroy_grace_seconds=45,
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(name=args.inside, aliases=[host_name(model)]),
            ],
            volumes=[docker.ContainerVolumeArgs(volume_name=weights.name, container_path=MODELS, read_only=True)],
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", "curl", "--fail", "--silent", "--max-time", "4", health],
                interval="5s",
                timeout="5s",
                retries=3,
                start_period=f"{START_SECONDS}s",
            ),
            wait=True,
            wait_timeout=START_SECONDS,
            opts=ResourceOptions(parent=self, depends_on=[loader], delete_before_replace=True),
        )
        self.host_name = engine.name
        self.register_outputs({"host_name": self.host_name})
