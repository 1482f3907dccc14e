"""How an engine's pod comes to its weights: a loader before or beside it, and where the files lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from pulumi import Input
from pulumi_kubernetes.core import v1 as core

from components.model.loader import HOLD_PORT, MODELS, fetch_arguments
from components.model.lock import ModelLock
from components.serving.engines.launch import COMPILED
from components.serving.pod import GIB, LOADER_USER, container_security, environment, patient

VOLUME: Final = "weights"


@dataclass(frozen=True, kw_only=True)
class NodeFolder:
    """Weights that all pods of a node share.

    Args:
        claim: of the pool's nodes.
        limit_bytes: what all models together may take on one of them.
    """

    claim: Input[str]
    limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One model's.

    Args:
        loader_image: reference by digest.
        bucket: name of the weight cache's bucket.
        start_seconds: how long a start may take.
        node_folder: None where every pod has weights of its own, on the node's data disk.
        streamed: the engine reads the weight cache itself; there is no loader and no folder.
        compiled: key and digest of what an engine compiled for this model, GPU and flags; None compiles anew.
    """

    lock: ModelLock
    loader_image: str
    bucket: str
    region: str
    start_seconds: int
    node_folder: NodeFolder | None = None
    streamed: bool = False
    compiled: tuple[str, str] | None = None

    @property
    def own_disk_gib(self) -> int:
        """What the pod's own folder takes of the node's data disk."""
        if self.streamed or self.node_folder:
            return 0
        return ceil(sum(file.size_bytes or 0 for file in self.lock.files) / GIB) + 1

    def volumes(self) -> list[core.VolumeArgs]:
        """Where the files lie."""
        if self.streamed:
            return []
        if self.node_folder is None:
            own = core.EmptyDirVolumeSourceArgs(size_limit=f"{self.own_disk_gib}Gi")
            return [core.VolumeArgs(name=VOLUME, empty_dir=own)]
        shared = core.PersistentVolumeClaimVolumeSourceArgs(claim_name=self.node_folder.claim)
        return [core.VolumeArgs(name=VOLUME, persistent_volume_claim=shared)]

    def mounts(self) -> list[core.VolumeMountArgs]:
        """What the engine sees of them."""
        return [] if self.streamed else [core.VolumeMountArgs(name=VOLUME, mount_path=MODELS, read_only=True)]

    def variables(self) -> dict[str, str]:
        """What an engine that streams must know."""
        return self._aws if self.streamed else {}

    @property
    def _aws(self) -> dict[str, str]:
        return {"AWS_REGION": self.region, "AWS_EC2_METADATA_DISABLED": "true"}

    def loaders(self, scratch: Sequence[core.VolumeMountArgs]) -> list[core.ContainerArgs]:
        """What comes before the engine: its weights, and what it compiled earlier.

        Args:
            scratch: what the engine may write; a restored cache lies there.
        """
        return [*([] if self.streamed else [self._loader()]), *([self._restorer(scratch)] if self.compiled else [])]

    def _loader(self) -> core.ContainerArgs:
        """Ends before the engine starts; over a shared folder it goes on beside the engine, so that the model stays."""
        shared = self.node_folder
        port = core.ContainerPortArgs(name=VOLUME, container_port=HOLD_PORT, protocol="TCP")
        held = core.HTTPGetActionArgs(path="/metrics", port=HOLD_PORT)
        return core.ContainerArgs(
            name=VOLUME,
            args=fetch_arguments(self.lock, self.bucket, shared.limit_bytes if shared else None),
            restart_policy="Always" if shared else None,
            startup_probe=patient(held, self.start_seconds) if shared else None,
            ports=[port] if shared else None,
            volume_mounts=[core.VolumeMountArgs(name=VOLUME, mount_path=MODELS)],
            security_context=container_security(LOADER_USER),
            **self._image(),
        )

    def _restorer(self, scratch: Sequence[core.VolumeMountArgs]) -> core.ContainerArgs:
        """A cache that is missing or has other bytes is said and left out: it would only have saved time."""
        assert self.compiled is not None  # the caller asked
        key, digest = self.compiled
        return core.ContainerArgs(
            name="compiled",
            args=[
                *("restore-cache", "--bucket", self.bucket, "--key", key, "--sha256", digest),
                *("--folder", COMPILED, "--optional"),
            ],
            volume_mounts=list(scratch),
            security_context=container_security(),
            **self._image(),
        )

    def _image(self) -> dict[str, Any]:
        """What all containers of the loader image have."""
        return {
            "image": self.loader_image,
            "env": environment({**self._aws, "PYTHONDONTWRITEBYTECODE": "1"}),
            # They work while the engine does not, on the engine's processors; their memory is mostly page cache.
            "resources": core.ResourceRequirementsArgs(
                requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi"}
            ),
        }
