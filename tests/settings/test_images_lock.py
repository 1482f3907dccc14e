from pathlib import Path

import pytest

from components.settings.errors import SettingsError
from components.settings.images_lock import load_images
from components.settings.load import ROOT

LOCK = """
images:
  envoy: {{upstream: docker.io/envoyproxy/envoy, tag: v1.40.0, digest: {digest}, note: n}}
  weights: {{upstream: null, tag: "0.1.0", digest: null, note: n}}
"""
DIGEST = "sha256:" + "a" * 64


def lock(tmp_path: Path, digest: str = DIGEST) -> Path:
    path = tmp_path / "images.lock.yaml"
    path.write_text(LOCK.format(digest=digest), encoding="utf-8")
    return path


def test_an_image_is_named_in_our_registry_by_digest(tmp_path: Path) -> None:
    images = load_images(lock(tmp_path))
    assert images.reference("envoy", "111122223333", "eu-central-1") == (
        f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/cloister/envoy@{DIGEST}"
    )
    assert ".dkr.ecr.eusc-de-east-1.amazonaws.eu/" in images.reference("envoy", "111122223333", "eusc-de-east-1")


def test_an_image_without_digest_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"images\.weights\.digest: null; `cloister images lock` pins it"):
        load_images(lock(tmp_path)).reference("weights", "111122223333", "eu-central-1")


def test_an_unknown_image_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"images\.haproxy: missing; the file has envoy, weights"):
        load_images(lock(tmp_path)).reference("haproxy", "111122223333", "eu-central-1")


def test_a_digest_of_the_wrong_form_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"images\.envoy\.digest: 'latest'"):
        load_images(lock(tmp_path, "latest"))


def test_a_missing_file_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file; `cloister images lock` writes it"):
        load_images(tmp_path / "images.lock.yaml")


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/images.lock.yaml")), ids=lambda path: path.parent.name)
def test_the_lock_files_of_the_repository_are_valid(path: Path) -> None:
    assert {"weights", "envoy", "vllm-openai", "llama-cpp"} <= set(load_images(path).images)
