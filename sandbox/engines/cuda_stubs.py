"""Stand-ins for CUDA's libraries, so that PyPI's build of torch is imported without 2.2 GB of NVIDIA wheels.

Every function answers 100 (cudaErrorNoDevice), so `torch.cuda.is_available()` is False. Needs gcc and readelf.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_LIBRARY = re.compile(r"lib(cu|nv|nccl)")
_SYMBOL = re.compile(r"(__)?(cu|nccl|nvrtc|nvJitLink|nvshmem|nvtx)", re.IGNORECASE)
_TEXTS = {"cudaGetErrorString": '"no CUDA"', "cudaGetErrorName": '"cudaErrorNoDevice"'}


@dataclass
class Needs:
    """What torch's libraries ask the dynamic linker for."""

    libraries: set[str] = field(default_factory=set)
    by_version: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unversioned: set[str] = field(default_factory=set)


def write_stubs(torch_lib: Path) -> list[str]:
    """Write a stand-in for every CUDA library that torch needs and that is not there; returns their names."""
    needs = _needs(torch_lib)
    loose = {symbol for symbol in needs.unversioned if _SYMBOL.match(symbol) and not symbol.startswith("_Z")}
    for position, name in enumerate(sorted(needs.libraries)):
        version = "NVSHMEM" if "nvshmem" in name else name  # the symbol version that the real library carries
        symbols = needs.by_version.get(version, set())
        _compile(torch_lib / name, version, symbols, loose if position == 0 else set())
    return sorted(needs.libraries)


def _needs(torch_lib: Path) -> Needs:
    needs, defined = Needs(), set()
    for library in sorted(torch_lib.glob("*.so*")):
        for name in re.findall(r"NEEDED.*\[(.*?)\]", _output("readelf", "-dW", str(library))):
            if _LIBRARY.match(name) and not (torch_lib / name).exists():
                needs.libraries.add(name)
        for line in _output("readelf", "--dyn-syms", "-W", str(library)).splitlines():
            columns = line.split()
            if len(columns) < 8 or columns[3] not in ("FUNC", "NOTYPE", "OBJECT"):
                continue
            name, _, version = columns[7].partition("@")
            if columns[6] != "UND":
                defined.add(name)
            elif columns[4] != "WEAK" and version:
                needs.by_version[version.lstrip("@")].add(name)
            elif columns[4] != "WEAK":
                needs.unversioned.add(name)
    needs.unversioned -= defined
    return needs


def _compile(target: Path, version: str, symbols: set[str], loose: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, exports = Path(folder, "stub.c"), Path(folder, "stub.map")
        source.write_text("".join(map(_function, sorted(symbols | loose))))
        options = ["-shared", "-fPIC", "-O1", "-w", "-fno-builtin", f"-Wl,-soname,{target.name}"]
        if symbols:
            exports.write_text(f"{version} {{ global: {_list(symbols)} }};\n")
            options.append(f"-Wl,--version-script={exports}")
        _output("gcc", *options, "-o", str(target), str(source))


def _function(name: str) -> str:
    value = f"(long){_TEXTS[name]}" if name in _TEXTS else "0" if name.startswith("__cuda") else "100"
    return f"long {name}(void){{return {value};}}\n"


def _list(symbols: Iterable[str]) -> str:
    return " ".join(f"{symbol};" for symbol in sorted(symbols))


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
