"""The registry's digests go into the lock file, and nothing else of it changes."""

import shutil
from pathlib import Path

import pytest

from components.settings.images_lock import load_images
from components.settings.load import ROOT
from operations.errors import CommandError
from operations.images_lock import pin

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "images" / "images.lock.yaml", tmp_path / "images.lock.yaml"))


def test_a_pushed_digest_is_written_and_all_else_stays(lock: Path) -> None:
    before = load_images(lock).images
    text = lock.read_text(encoding="utf-8")
    assert pin(lock, {"weights": DIGEST}) == ["weights"]
    after = load_images(lock).images
    assert after["weights"].digest == DIGEST
    assert {name: image for name, image in after.items() if name != "weights"} == {
        name: image for name, image in before.items() if name != "weights"
    }
    changed = [
        pair
        for pair in zip(text.splitlines(), lock.read_text(encoding="utf-8").splitlines(), strict=True)
        if pair[0] != pair[1]
    ]
    assert len(changed) == 1


def test_a_second_time_nothing_changes(lock: Path) -> None:
    pin(lock, {"weights": DIGEST})
    assert pin(lock, {"weights": DIGEST}) == []


def test_an_image_that_the_file_does_not_name_is_refused_and_the_file_stays(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    with pytest.raises(CommandError, match="has pushed unheard-of"):
        pin(lock, {"unheard-of": DIGEST})
    assert lock.read_text(encoding="utf-8") == text
