"""The images lock file: which upstream image, pinned by digest, stands behind each repository of the registry."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, StringConstraints, ValidationError

from components.catalog.regions import partition
from components.settings.common import SECTION, EntryName
from components.settings.errors import SettingsError, problem_line

PREFIX = "cloister"
"""All repositories of the registry lie below this name."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class LockedImage(BaseModel):
    """One image: where it comes from, and the digest that may run.

    `upstream: null` is built here from `images/<name>` on `base`; `digest: null` is not pinned yet and cannot run.
    """

    model_config = SECTION

    upstream: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+\.[a-z]+/[a-z0-9._/-]+$")] | None
    tag: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
    digest: Digest | None
    base: (
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+\.[a-z]+/[a-z0-9._/:-]+@sha256:[0-9a-f]{64}$")] | None
    ) = None
    note: str


class Images(BaseModel):
    """The whole lock file, by image name."""

    model_config = SECTION

    images: dict[EntryName, LockedImage]
    source: str = ""
    """What messages call the file."""

    def reference(self, name: str, account_id: str, region: str) -> str:
        """The one way to name an image in a workload: our own registry, by digest.

        Raises:
            SettingsError: when the image is not in the lock file, or has no digest yet.
        """
        image = self.images.get(name)
        if image is None:
            known = ", ".join(self.images)
            raise SettingsError(self.source, [f"images.{name}: missing; the file has {known}"])
        if image.digest is None:
            raise SettingsError(self.source, [f"images.{name}.digest: null; `cloister images lock` pins it"])
        return f"{repository_url(name, account_id, region)}@{image.digest}"


def registry_host(account_id: str, region: str) -> str:
    """Host name of the account's registry in a region."""
    return f"{account_id}.dkr.ecr.{region}.{partition(region).dns_suffix}"


def repository_url(name: str, account_id: str, region: str) -> str:
    """Where the registry keeps an image, without tag or digest."""
    return f"{registry_host(account_id, region)}/{PREFIX}/{name}"


def load_images(path: Path) -> Images:
    """The images of a lock file.

    Raises:
        SettingsError: the file is missing, is not YAML, or has the wrong form.
    """
    source = f"{path.parent.name}/{path.name}"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(source, ["no such file; `cloister images lock` writes it"]) from None
    except yaml.YAMLError as error:
        raise SettingsError(source, [f"not YAML: {' '.join(str(error).split())}"]) from None
    try:
        images = Images.model_validate(document)
    except ValidationError as error:
        problems = [problem_line(".".join(map(str, item["loc"])), item) for item in error.errors()]
        raise SettingsError(source, problems) from None
    return images.model_copy(update={"source": source})
