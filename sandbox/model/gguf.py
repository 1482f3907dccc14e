"""Reads GGUF files: metadata, and tensors of the three kinds that the rehearsal's model uses."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Number formats of metadata values; 8 is text and 9 is a list.
SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT: Final = 8
LIST: Final = 9
# Tensor kinds: bytes of one block and the weights in it.
F32, Q4_1, Q8_0 = 0, 3, 8
BLOCKS: Final = {F32: (4, 1), Q4_1: (20, 32), Q8_0: (34, 32)}


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """Where one tensor lies; `shape` has rows first, as everywhere but in GGUF."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Gguf:
    """One file, mapped into memory."""

    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]
    data: NDArray[np.uint8]


class Cursor:
    """Takes one value after another from bytes."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._data = data
        self.position = 0

    def scalar(self, code: str) -> Any:
        """One number in little-endian order."""
        (value,) = struct.unpack_from(f"<{code}", self._data.data, self.position)
        self.position += struct.calcsize(f"<{code}")
        return value

    def text(self) -> str:
        """One length-prefixed string."""
        length = self.scalar("Q")
        self.position += length
        return self._data[self.position - length : self.position].tobytes().decode("utf-8")

    def value(self, kind: int) -> Any:
        """One metadata value of a kind."""
        if kind == TEXT:
            return self.text()
        if kind == LIST:
            element, length = self.scalar("I"), self.scalar("Q")
            return [self.value(element) for _ in range(length)]
        return self.scalar(SCALARS[kind])


def read_gguf(path: Path) -> Gguf:
    """The file's metadata and tensor table; tensors are read when asked for.

    Raises:
        ValueError: it is not a GGUF file of version 3, or holds tensors of another kind.
    """
    data: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = Cursor(data)
    if cursor.scalar("4s") != b"GGUF" or cursor.scalar("I") != 3:
        raise ValueError(f"{path}: not a GGUF file of version 3")
    tensor_count, value_count = cursor.scalar("Q"), cursor.scalar("Q")
    metadata: dict[str, Any] = {}
    for _ in range(value_count):
        key = cursor.text()
        metadata[key] = cursor.value(cursor.scalar("I"))
    table = []
    for _ in range(tensor_count):
        name = cursor.text()
        shape = tuple(cursor.scalar("Q") for _ in range(cursor.scalar("I")))
        table.append((name, shape[::-1], cursor.scalar("I"), cursor.scalar("Q")))
    alignment = metadata.get("general.alignment", 32)
    base = -(-cursor.position // alignment) * alignment
    if unknown := {kind for _, _, kind, _ in table} - BLOCKS.keys():
        raise ValueError(f"{path}: tensors of kind {sorted(unknown)}; only F32, Q4_1 and Q8_0 are read")
    tensors = (Tensor(name=name, shape=shape, kind=kind, offset=base + at) for name, shape, kind, at in table)
    return Gguf(metadata=metadata, tensors=tuple(tensors), data=data)


def dense(gguf: Gguf, tensor: Tensor) -> NDArray[np.float32]:
    """The tensor's weights in 32 bit, by additions and multiplications that IEEE 754 fixes to the last bit."""
    block_bytes, block_weights = BLOCKS[tensor.kind]
    length = int(np.prod(tensor.shape)) // block_weights * block_bytes
    raw = gguf.data[tensor.offset : tensor.offset + length]
    if tensor.kind == F32:
        return raw.view("<f4").astype(np.float32).reshape(tensor.shape)
    blocks = raw.reshape(-1, block_bytes)
    scale = _half(blocks[:, :2])
    if tensor.kind == Q8_0:
        weights = np.ascontiguousarray(blocks[:, 2:]).view(np.int8).astype(np.float32) * scale
    else:
        nibbles = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
        weights = nibbles.astype(np.float32) * scale + _half(blocks[:, 2:4])
    return weights.reshape(tensor.shape)


def _half(pairs: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(pairs).view("<f2").astype(np.float32)
