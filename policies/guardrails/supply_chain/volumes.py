"""Volumes: what is on them comes from the weight cache, by the loader."""

from collections.abc import Iterator

from ..findings import Resource, at, each, names
from ..pods import WORKLOAD_TYPES, containers, image_name, pod_spec
from ..rules import Rule, rule

_LOADER = "weights"
_CLAIM = "persistentVolumeClaim"


@rule(
    *WORKLOAD_TYPES,
    "kubernetes:core/v1:PersistentVolume",
    fix="Bring files by the weight cache or an image; no volume clones a repository.",
    source="https://kubernetes.io/docs/concepts/storage/volumes/#gitrepo",
)
def supply_chain_volume_clones_nothing(resource: Resource) -> Iterator[str]:
    """No volume clones a git repository or unpacks an image."""
    if resource.type in WORKLOAD_TYPES:
        volumes = list(each(pod_spec(resource), "volumes"))
    else:
        volumes = [("spec", at(resource.props, "spec") or {})]
    for path, volume in volumes:
        for kind in ("gitRepo", "image"):
            if volume.get(kind) is not None:
                yield f"{path}.{kind} is set"


@rule(
    *WORKLOAD_TYPES,
    fix="Mount it with readOnly: true; only the loader, whose image is called weights, writes what it has verified.",
    source="https://kubernetes.io/docs/concepts/storage/persistent-volumes/",
    severity="critical",
)
def supply_chain_claim_is_written_by_the_loader(workload: Resource) -> Iterator[str]:
    """Nobody but the loader writes to a volume that other pods read models from."""
    own = {volume.get("name") for _, volume in each(pod_spec(workload), "volumes") if not names(volume, _CLAIM)}
    for container in containers(workload):
        if image_name(container.image) == _LOADER:
            continue
        for path, mount in each(container.spec, "volumeMounts"):
            if mount.get("name") not in own and mount.get("readOnly") is not True:
                yield f"{container.path}.{path}.readOnly is not true"


RULES: tuple[Rule, ...] = (supply_chain_volume_clones_nothing, supply_chain_claim_is_written_by_the_loader)
