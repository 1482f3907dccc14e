"""Resources that pull, build, name and push images: each returns an id and what Docker would report."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.providers.docker import images, records
from sandbox.providers.serve import ProviderError


def create_remote_image(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """An image on the host, which containers may name by its id."""
    image = images.find(inputs["name"])
    identity = "sha256:" + hashlib.sha256(f"image {image.digest}".encode()).hexdigest()
    records.write("images", identity, {"image": image.name})
    repository = inputs["name"].partition("@")[0].partition(":")[0]
    return identity + inputs["name"], {"imageId": identity, "repoDigest": f"{repository}@{image.digest}"}


def create_image(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A build: not simulated, but what it needs must be there; its digest is the lock's."""
    image = images.named(inputs["imageName"])
    build = inputs.get("build") or {}
    context = Path(build.get("context") or ".")
    dockerfile = Path(build["dockerfile"]) if build.get("dockerfile") else context / "Dockerfile"
    if not dockerfile.is_file():
        raise ProviderError(f"image {inputs['imageName']}: {dockerfile} does not exist")
    repository = _without_tag(inputs["imageName"])
    outputs = {
        "baseImageName": inputs["imageName"],
        "context": str(context),
        "dockerfile": str(dockerfile),
        "registryServer": repository.partition("/")[0],
        "repoDigest": f"{repository}@{image.digest}",
    }
    return f"sha256:{secrets.token_hex(32)}", outputs


def create_tag(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Another name for an image on the host."""
    image = images.find(inputs["sourceImage"])
    identity = "sha256:" + hashlib.sha256(f"image {image.digest}".encode()).hexdigest()
    return f"{inputs['sourceImage']}.{inputs['targetImage']}", {"sourceImageId": identity}


def create_registry_image(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A push: not simulated; the registry's digest is the lock's."""
    digest = images.named(inputs["name"]).digest
    return digest, {"sha256Digest": digest}


def _without_tag(reference: str) -> str:
    folder, slash, last = reference.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
