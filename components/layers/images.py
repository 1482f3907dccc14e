"""The layer `images`: own images built and upstream images mirrored by digest into the platform's registry."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker
from pulumi import Input, Output, ResourceOptions

from components.settings.errors import SettingsError
from components.settings.images_lock import Images, LockedImage, load_images, registry_host, repository_url
from components.settings.layer import ImagesSettings
from components.settings.load import ROOT

PLATFORM = "linux/amd64"


def build(settings: ImagesSettings) -> Mapping[str, Input[Any]]:
    """Declare every image of the lock file; `digests` is what `cloister images lock` writes down afterwards.

    Docker logs in with its credential helper (`docker-credential-ecr-login`): no password is an argument here.
    """
    host = registry_host(settings.account_id, settings.region)
    provider = docker.Provider("docker", registry_auth=[docker.ProviderRegistryAuthArgs(address=host)])
    images = load_images(ROOT / settings.images)
    _refuse_floating(images)
    digests = {
        name: _published(name, image, repository_url(name, settings.account_id, settings.region), provider)
        for name, image in images.images.items()
    }
    return {"registry_url": host, "digests": digests}


def _refuse_floating(images: Images) -> None:
    """An upstream or base image without digest could be any image."""
    problems = [
        f"images.{name}.digest: null; write the digest of {image.upstream}:{image.tag}"
        for name, image in images.images.items()
        if image.upstream is not None and image.digest is None
    ]
    problems += [
        f"images.{name}.base: missing; an own image needs one, by digest"
        for name, image in images.images.items()
        if image.upstream is None and image.base is None
    ]
    if problems:
        raise SettingsError(images.source, problems)


def _published(name: str, image: LockedImage, repository: str, provider: pulumi.ProviderResource) -> Output[str]:
    """Build or pull one image and push it under its locked tag; the digest that the registry gave it."""
    ours = ResourceOptions(provider=provider)
    target = f"{repository}:{image.tag}"
    if image.upstream is None:
        built = docker.RegistryImage(
            f"{name}-push",
            name=target,
            build=docker.RegistryImageBuildArgs(
                context=str(ROOT),
                dockerfile=f"images/{name}/Dockerfile",
                build_args={"BASE": str(image.base)},
                platform=PLATFORM,
            ),
            keep_remotely=True,
            opts=ours,
        )
        return built.sha256_digest
    pulled = docker.RemoteImage(
        f"{name}-pull",
        name=f"{image.upstream}@{image.digest}",
        platform=PLATFORM,
        keep_locally=True,
        opts=ours,
    )
    tagged = docker.Tag(f"{name}-tag", source_image=pulled.image_id, target_image=target, opts=ours)
    pushed = docker.RegistryImage(
        f"{name}-push", name=target, keep_remotely=True, opts=ResourceOptions(provider=provider, depends_on=[tagged])
    )
    return pushed.sha256_digest
