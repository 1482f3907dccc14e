"""Images by digest, checked against the rehearsal's lock file, and the local program that stands in for each."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from sandbox.places import REPOSITORY, rehearsal_folder
from sandbox.providers.docker import records
from sandbox.providers.serve import ProviderError

LOCK = Path("sandbox/images.lock.yaml")
_ENTRYPOINTS = {
    "weights": ("weights",),
    "registrar": ("registrar",),
    "envoy": ("envoy",),
    "llama-cpp": ("llama-server",),
    "vllm-openai": ("vllm", "serve"),
}
_REFERENCE = re.compile(r"(?P<repository>[^@]+)@(?P<digest>sha256:[0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of the lock file."""

    name: str
    digest: str


@cache
def locked() -> dict[str, Image]:
    """The images that the rehearsal knows, by name."""
    entries = yaml.safe_load((REPOSITORY / LOCK).read_text())["images"]
    return {name: Image(name=name, digest=entry["digest"]) for name, entry in entries.items()}


def find(reference: str) -> Image:
    """The locked image that a reference means: `repository@sha256:…`, or the id of an image resource.

    Raises:
        ProviderError: it is not pinned by digest, or the lock file does not have it.
    """
    if re.fullmatch(r"sha256:[0-9a-f]{64}", reference):
        record = records.read("images", reference)
        if record is None:
            raise ProviderError(f"image {reference!r} is not on this host; declare a RemoteImage for it")
        return locked()[record["image"]]
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ProviderError(f"image {reference!r} is not pinned by digest; use repository@sha256:…")
    short = match["repository"].rpartition("/")[2].partition(":")[0]
    image = next((image for image in locked().values() if image.digest == match["digest"]), None)
    if image is None:
        wanted = locked().get(short)
        way_out = f"{LOCK} has {wanted.digest} for {short}" if wanted else f"{LOCK} has {', '.join(locked())}"
        raise ProviderError(f"image {reference!r} does not exist in the rehearsal; {way_out}")
    if "cloister/" in reference and short != image.name:
        raise ProviderError(f"image {reference!r} has the digest of {image.name}, says {LOCK}")
    return image


def named(reference: str) -> Image:
    """The locked image that a repository with a tag names, for what is built or pushed.

    Raises:
        ProviderError: the lock file does not have it.
    """
    short = reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if short not in locked():
        raise ProviderError(f"image {reference!r} does not exist in the rehearsal; {LOCK} has {', '.join(locked())}")
    return locked()[short]


def program(image: Image) -> list[str]:
    """The local command that stands in for an image's entrypoint.

    Raises:
        ProviderError: nothing on this machine stands in for it.
    """
    python = sys.executable
    programs = {
        "weights": [python, "-m", "images.weights"],
        "registrar": [python, "-m", "images.registrar"],
        "envoy": [str(Path(python).with_name("envoy"))],
        "llama-cpp": [python, "-m", "sandbox.engines.llama_server"],
        "vllm-openai": [python, "-m", "sandbox.engines.vllm_cpu", "serve", str(rehearsal_folder() / "vllm")],
    }
    if image.name not in programs:
        raise ProviderError(f"no local program stands in for image {image.name}; there are {', '.join(programs)}")
    return programs[image.name]


def after_entrypoint(image: Image, entrypoint: Sequence[str]) -> Sequence[str]:
    """What a declared entrypoint has beyond the program that `program` stands for; an image's own needs no declaration.

    Raises:
        ProviderError: it starts another program.
    """
    own = _ENTRYPOINTS[image.name]
    if not entrypoint:
        return ()
    if (Path(entrypoint[0]).name, *entrypoint[1 : len(own)]) != own:
        raise ProviderError(f"entrypoint {list(entrypoint)} of {image.name} has no stand-in; {' '.join(own)} has")
    return entrypoint[len(own) :]
