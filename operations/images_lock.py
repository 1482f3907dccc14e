"""Writes the digests that the registry gave to the images into the images lock file."""

from collections.abc import Mapping
from pathlib import Path

from components.settings.images_lock import load_images
from operations.errors import CommandError


def pin(path: Path, digests: Mapping[str, str]) -> list[str]:
    """Replace the digests of a lock file by those of the registry; comments and notes stay. Returns what changed.

    Args:
        path: the lock file.
        digests: image name -> `sha256:…`, as the images layer exports them.

    Raises:
        CommandError: the registry has an image that the file does not name.
        SettingsError: the file was not valid, or would not be.
    """
    images = load_images(path).images
    if unknown := sorted(set(digests) - set(images)):
        raise CommandError(f"{path.name}: the stack has pushed {', '.join(unknown)}, which the file does not name")
    changed = [name for name, digest in digests.items() if images[name].digest != digest]
    section, lines = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        name = line.strip().removesuffix(":")
        if name in images:
            section = name
        if section in changed and line.strip().startswith("digest:"):
            line = f"{line[: line.index('digest:')]}digest: {digests[section]}"
        lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    load_images(path)
    return changed
