"""Container images: from own registries in the EU, by digest."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..facts import DIGEST, ECR_IMAGE
from ..findings import Resource, document, items, known, names
from ..owner import Estate
from ..pods import CONTAINER, CONTAINER_TYPES, containers, listed
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"
_REFERENCE = re.compile(r"[a-z0-9.-]+(/[a-z0-9._-]+)+(:[\w.-]+)?@sha256:[0-9a-f]{64}")
_IMAGE_ARGUMENT = re.compile(r"(^|_)(BASE|IMAGE|FROM)($|_)", re.IGNORECASE)
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
        if not _REFERENCE.fullmatch(str(container.image)):
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


_BUILDERS = (
    "docker:index/registryImage:RegistryImage",
    "docker:index/image:Image",
    "docker:index/remoteImage:RemoteImage",
)
_BUILD = listed(
    "args buildArgs context dockerfile forceRemove label labels noCache platform pullParent remove suppressOutput "
    "target version builderVersion"
)


@rule(
    *_BUILDERS,
    fix="Build from a folder of the repository, on base images by digest, with no setting but the rule's.",
    source="https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",
    severity="critical",
)
def supply_chain_build_is_local_and_pinned(image: Resource) -> Iterator[str]:
    """An image is built from files of the repository on a base that is named by digest, by a daemon of its own."""
    build = image.get("build")
    if not isinstance(build, Mapping):
        return
    for key in build:
        if key not in _BUILD and build[key] not in (None, False, ""):
            yield f"build.{key} is set"
    for key in ("context", "dockerfile"):
        place = str(build.get(key) or ".")
        if "://" in place or place.startswith(("git@", "github.com", "-")) or ".." in place.split("/"):
            yield f"build.{key} {place!r} is not a path of the repository"
    for key in ("buildArgs", "args"):
        arguments = build.get(key) or {}
        for name in arguments:
            value = str(arguments[name])
            # An argument that looks like an image is one: with a registry, a tag or by its name.
            if _IMAGE_ARGUMENT.search(name) and not DIGEST.fullmatch(value):
                yield f"build.{key}.{name} is not an image by digest"


@rule(
    *_BUILDERS,
    fix="Let Docker's credential helper log in; the registry is reached by verified TLS.",
    source="https://docs.docker.com/reference/cli/docker/login/#credential-helpers",
    severity="critical",
)
def supply_chain_registry_needs_no_password(image: Resource) -> Iterator[str]:
    """No password for a registry is in the program, and no registry is trusted without its certificate."""
    for key in ("authConfig.password", "registry.password", "build.authConfigs", "build.secrets"):
        outer, _, inner = key.partition(".")
        if names(image.get(outer) or {}, inner):
            yield f"{key} is given"
    if image.get("insecureSkipVerify"):
        yield "insecureSkipVerify is true"


@rule(
    "pulumi:providers:docker",
    fix="Give the registry's address only; Docker's credential helper logs in.",
    source="https://www.pulumi.com/registry/packages/docker/installation-configuration/",
    severity="critical",
)
def supply_chain_docker_logs_in_by_helper(provider: Resource) -> Iterator[str]:
    """A Docker provider knows own registries only, and no password for them."""
    for entry in items(document(known(provider.props, "registryAuth"))):
        for key in ("password", "configFileContent"):
            if entry.get(key):
                yield f"registryAuth.{key} is given"
        address = str(entry.get("address") or "").partition("://")[2] or str(entry.get("address") or "")
        if registry_problem(f"{address.rstrip('/')}/image", provider.estate) is not None:
            yield f"registryAuth.address {address!r} is not an own registry"


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


@rule(
    "aws:codebuild/project:Project",
    fix="Name an own image by digest, without privilege; leave the source out and write the buildspec here.",
    source="https://docs.aws.amazon.com/codebuild/latest/userguide/change-project.html",
)
def supply_chain_build_runs_an_own_image(project: Resource) -> Iterator[str]:
    """A build machine runs an own image by digest, without privilege, and takes its steps from the program."""
    image = project.get("environment.image")
    problem = registry_problem(image, project.estate)
    if problem is not None:
        yield f"environment: {problem}"
    elif not _REFERENCE.fullmatch(str(image)):
        yield f"environment: image {image!r} has no digest"
    if project.get("environment.privilegedMode"):
        yield "environment.privilegedMode is true"
    for key in ("registryCredential", "dockerServer", "certificate"):
        if project.get(f"environment.{key}"):
            yield f"environment.{key} is set"
    if project.get("source.type") != "NO_SOURCE":
        yield f"source.type is {project.get('source.type')!r}"
    if project.get("source.insecureSsl"):
        yield "source.insecureSsl is true"
    if project.get("sourceVersion"):
        yield "sourceVersion is set"


RULES: tuple[Rule, ...] = (
    supply_chain_image_is_own,
    supply_chain_image_is_pinned,
    supply_chain_pull_is_pinned,
    supply_chain_push_is_own,
    supply_chain_build_is_local_and_pinned,
    supply_chain_registry_needs_no_password,
    supply_chain_docker_logs_in_by_helper,
    supply_chain_no_foreign_pull_secret,
    supply_chain_build_runs_an_own_image,
)
