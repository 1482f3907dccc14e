"""The weights on a pool's local disks: one volume and one claim, behind which every node has a folder of its own."""

from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.catalog.names import POOL_LABEL
from components.catalog.node_cache import NODE_CACHE_FOLDER

core = kubernetes.core.v1
meta = kubernetes.meta.v1


@dataclass(frozen=True, kw_only=True)
class NodeCacheArgs:
    """The nodes, by the name of their pool, and what the folder of one of them may hold."""

    namespace: Input[str]
    pool: str
    limit_bytes: int


class NodeCache(ComponentResource):
    """A local volume that any node of the pool has, so that pods need no host path and no DaemonSet prepares one.

    The node prepares the folder itself, before it joins; a pod on a node without it does not start.

    Outputs:
        claim: str, name of the claim.
    Source: Kubernetes, "Volumes", local.
    """

    claim: Output[str]

    def __init__(self, name: str, args: NodeCacheArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:serving:NodeCache", f"{name}-{args.pool}", None, opts)
        claim, labels = f"weights-{args.pool}", {"app.kubernetes.io/part-of": "cloister"}
        size = {"storage": str(args.limit_bytes)}
        volume = core.PersistentVolume(
            f"{name}-volume-{args.pool}",
            metadata=meta.ObjectMetaArgs(name=Output.concat(args.namespace, "-", claim), labels=labels),
            spec=core.PersistentVolumeSpecArgs(
                capacity=size,
                access_modes=["ReadWriteMany"],
                volume_mode="Filesystem",
                storage_class_name="",
                persistent_volume_reclaim_policy="Retain",
                claim_ref=core.ObjectReferenceArgs(
                    api_version="v1", kind="PersistentVolumeClaim", namespace=args.namespace, name=claim
                ),
                local=core.LocalVolumeSourceArgs(path=NODE_CACHE_FOLDER),
                node_affinity=core.VolumeNodeAffinityArgs(
                    required=core.NodeSelectorArgs(
                        node_selector_terms=[
                            core.NodeSelectorTermArgs(
                                match_expressions=[
                                    core.NodeSelectorRequirementArgs(key=POOL_LABEL, operator="In", values=[args.pool])
                                ]
                            )
                        ]
                    )
                ),
            ),
            opts=ResourceOptions(parent=self),
        )
        bound = core.PersistentVolumeClaim(
            f"{name}-claim-{args.pool}",
            metadata=meta.ObjectMetaArgs(name=claim, namespace=args.namespace, labels=labels),
            spec=core.PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteMany"],
                volume_mode="Filesystem",
                storage_class_name="",
                volume_name=volume.metadata.name,
                resources=core.VolumeResourceRequirementsArgs(requests=size),
            ),
            opts=ResourceOptions(parent=self, depends_on=[volume]),
        )
        self.claim = bound.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"claim": self.claim})
