"""Container images: from own registries in the EU, by digest."""

from collections.abc import Iterator
from typing import Any

from ..facts import DIGEST, ECR_IMAGE
from ..findings import Resource, document, known
from ..owner import Estate
from ..pods import CONTAINER, CONTAINER_TYPES, containers
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"
_FIX = "Name the image as <account>.dkr.ecr.<region>.amazonaws.com/<name>@sha256:<digest>, from images.lock.yaml."


def registry_problem(image: Any, estate: Estate) -> str | None:
    """Why an image reference is not from an own registry, None when it is."""
    if not isinstance(image, str) or not image:
        return "no image is given"
    found = ECR_IMAGE.match(image)
    if found is None:
        listed = any(image.startswith(f"{registry.rstrip('/')}/") for registry in estate.registries)
        return None if listed else f"image {image!r} is not in an own registry"
    if found["account"] not in estate.accounts:
        return f"image {image!r} is in the registry of account {found['account']}"
    if found["region"] not in estate.regions:
        return f"image {image!r} is in region {found['region']}"
    return None


@rule(*CONTAINER_TYPES, fix=_FIX, source=_SOURCE, severity="critical")
def supply_chain_image_is_own(resource: Resource) -> Iterator[str]:
    """Every container's image comes from an own registry in an allowed region."""
    for container in containers(resource):
        if resource.type == CONTAINER and _is_local(container.spec):
            continue  # an image that Docker already holds: the estate policy proves where it came from
        problem = registry_problem(container.image, resource.estate)
        if problem is not None:
            yield f"{container.path}: {problem}"


@rule(*CONTAINER_TYPES, fix=_FIX, source=_SOURCE, severity="critical")
def supply_chain_image_is_pinned(resource: Resource) -> Iterator[str]:
    """Every container's image is named by its digest."""
    for container in containers(resource):
        if resource.type == CONTAINER and _is_local(container.spec):
            continue
        if not DIGEST.fullmatch(str(container.image)):
            yield f"{container.path}: image {container.image!r} has no digest"


@rule(
    "docker:index/remoteImage:RemoteImage",
    fix="Name the upstream image as <name>@sha256:<digest>, from images.lock.yaml.",
    source=_SOURCE,
)
def supply_chain_pull_is_pinned(resource: Resource) -> Iterator[str]:
    """An image is pulled by digest only."""
    if not DIGEST.fullmatch(str(resource.get("name"))):
        yield f"name {resource.get('name')!r} has no digest"


@rule(
    "docker:index/registryImage:RegistryImage",
    "docker:index/tag:Tag",
    "docker:index/image:Image",
    fix="Push to the ECR repositories of the estate's accounts and regions only.",
    source=_SOURCE,
    severity="critical",
)
def supply_chain_push_is_own(resource: Resource) -> Iterator[str]:
    """Images are pushed to own registries only."""
    key = {"docker:index/tag:Tag": "targetImage", "docker:index/image:Image": "imageName"}.get(resource.type, "name")
    problem = registry_problem(resource.get(key), resource.estate)
    if problem is not None:
        yield f"{key}: {problem}"


@rule(
    "kubernetes:core/v1:Secret",
    fix="Nodes pull from ECR with their own role; no pull secret is needed.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/ECR_on_EKS.html",
)
def supply_chain_no_foreign_pull_secret(resource: Resource) -> Iterator[str]:
    """No Secret holds credentials for an image registry that is not own."""
    kind = str(resource.get("type"))
    if kind == "kubernetes.io/dockercfg":
        yield "type kubernetes.io/dockercfg is not accepted"
    if kind != "kubernetes.io/dockerconfigjson":
        return
    found = document(known(resource.props.get("stringData") or {}, ".dockerconfigjson"))
    hosts = (found or {}).get("auths") or {}
    if not hosts:
        yield "its registries cannot be read"
    for host in hosts:
        if registry_problem(f"{host}/image", resource.estate) is not None:
            yield f"it holds credentials for {host}"


def _is_local(spec: Any) -> bool:
    image = known(spec, "image")
    return image is None or str(image).startswith("sha256:")


RULES: tuple[Rule, ...] = (
    supply_chain_image_is_own,
    supply_chain_image_is_pinned,
    supply_chain_pull_is_pinned,
    supply_chain_push_is_own,
    supply_chain_no_foreign_pull_secret,
)
