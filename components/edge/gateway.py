"""The gateway on a Docker host: one Envoy, published on one address and port."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi_docker as docker
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions

from components.edge.hardening import DROP_ALL, NO_NEW_PRIVILEGES, scratch
from components.gateway.configuration import BOOTSTRAP_FILE, arguments
from components.settings.layer import EdgeHost

HOST_NAME: Final = "gateway.cloister.internal"
BOOTSTRAP_PATH: Final = f"/etc/envoy/{BOOTSTRAP_FILE}"
# The user of Envoy's distroless image; nothing in the image belongs to it.
USER: Final = "65532:65532"


@dataclass(frozen=True, kw_only=True)
class EdgeGatewayArgs:
    """Envoy's documents, made by `components.gateway.configuration`, and where the gateway listens.

    Args:
        bootstrap: text of the document that Envoy starts with.
        files: name -> text of the files that Envoy watches.
        revocation_host_folder: folder on the host whose file `cloister token revoke` swaps while the gateway runs.
            It is prepared once, before the first deployment: no deployment writes it, so none brings a revoked token
            back.
        engines: must be healthy before clients are let in.
    """

    host: EdgeHost
    image: str
    bootstrap: Input[str]
    files: Input[Mapping[str, str]]
    configuration_folder: str
    revocation_folder: str
    revocation_host_folder: str
    listen_port: int
    inside: Input[str]
    outside: Input[str]
    engines: Sequence[Resource]


class EdgeGateway(ComponentResource):
    """The only published port of the host's stack, on the address that the settings name.

    Outputs:
        url: str, where clients call.
        revocation_target: str, what `cloister token revoke --target` edits.
    """

    url: Output[str]
    revocation_target: Output[str]

    def __init__(self, name: str, args: EdgeGatewayArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:edge:EdgeGateway", name, None, opts)
        documents = Output.all(bootstrap=args.bootstrap, files=args.files)
        gateway = docker.Container(
            f"{name}-envoy",
            name=HOST_NAME,
            image=args.image,
            command=list(arguments(BOOTSTRAP_PATH)),
            user=USER,
            memory=2048,
            restart="unless-stopped",
            must_run=True,
            privileged=False,
            capabilities=DROP_ALL,
            security_opts=NO_NEW_PRIVILEGES,
            # Docker refuses uploads into a container whose root is read-only. This user owns nothing in the image.
            read_only=False,
            tmpfs=scratch("/tmp"),
            stop_timeout=10,
            destroy_grace_seconds=10,
            # Uploads are written before the start and not watched for: a change makes a new container.
            labels=[docker.ContainerLabelArgs(label="cloister.configuration-sha256", value=documents.apply(_digest))],
            uploads=documents.apply(lambda them: _uploads(them["bootstrap"], them["files"], args.configuration_folder)),
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(name=args.inside, aliases=[HOST_NAME]),
                docker.ContainerNetworksAdvancedArgs(name=args.outside),
            ],
            ports=[
                docker.ContainerPortArgs(
                    internal=args.listen_port, external=args.host.port, ip=args.host.address, protocol="tcp"
                )
            ],
            volumes=[
                docker.ContainerVolumeArgs(
                    host_path=args.revocation_host_folder, container_path=args.revocation_folder, read_only=True
                )
            ],
            opts=ResourceOptions(parent=self, depends_on=list(args.engines), delete_before_replace=True),
        )
        self.url = gateway.name.apply(lambda _: f"http://{args.host.address}:{args.host.port}")
        self.revocation_target = Output.from_input(f"folder:{args.revocation_host_folder}")
        self.register_outputs({"url": self.url, "revocation_target": self.revocation_target})


def _uploads(bootstrap: str, files: Mapping[str, str], folder: str) -> list[docker.ContainerUploadArgs]:
    texts = {BOOTSTRAP_PATH: bootstrap} | {f"{folder}/{name}": text for name, text in sorted(files.items())}
    return [docker.ContainerUploadArgs(file=path, content=text) for path, text in texts.items()]


def _digest(documents: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()
