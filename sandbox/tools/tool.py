"""The tools that a rehearsal needs and no package registry carries as a binary."""

from __future__ import annotations

import hashlib
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

_VERSION_PACKAGE = "k8s.io/component-base/version"


class ToolError(Exception):
    """A tool could not be had; the message names what is missing and the ways out."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """How one binary is recognised and built."""

    name: str
    version: str
    source: str  # folder of its go.mod, below the repository
    package: str  # what `go build` builds there
    ldflags: str
    probe: tuple[str, ...]  # arguments that make the binary print its version
    build_seconds: float  # on two idle cores, both builds side by side, downloads included


PULUMI = Tool(
    name="pulumi",
    version="v3.259.0",
    source="sandbox/engine",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ldflags="-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0",
    probe=("version",),
    build_seconds=420,
)
CONTROL_PLANE = Tool(
    name="control-plane",
    version="v1.36.3",
    source="sandbox/control_plane",
    package=".",
    ldflags=" ".join(
        [
            "-s -w",
            f"-X {_VERSION_PACKAGE}.gitVersion=v1.36.3",
            f"-X {_VERSION_PACKAGE}.gitMajor=1",
            f"-X {_VERSION_PACKAGE}.gitMinor=36",
            f"-X {_VERSION_PACKAGE}.gitCommit={'0' * 40}",  # kubectl and the API server refuse an empty one
            f"-X {_VERSION_PACKAGE}.gitTreeState=clean",
            f"-X {_VERSION_PACKAGE}.buildDate=2026-01-01T00:00:00Z",
        ]
    ),
    probe=("kube-apiserver", "--version"),
    build_seconds=490,
)
TOOLS = {tool.name: tool for tool in (PULUMI, CONTROL_PLANE)}


def build_command(tool: Tool, target: Path) -> list[str]:
    """The build of a tool into a file: reproducible paths, no debugging tables, no C compiler."""
    flags = ["-v", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", tool.ldflags]
    return ["go", "build", *flags, "-o", str(target), tool.package]


def build_key(tool: Tool, root: Path) -> str:
    """What a build depends on, as a file name: version, platform, and a hash of sources, module sums and flags."""
    folder = root / tool.source
    digest = hashlib.sha256(" ".join(build_command(tool, Path("target"))).encode())
    for source in sorted([folder / "go.mod", folder / "go.sum", *folder.glob("*.go")]):
        digest.update(source.name.encode() + source.read_bytes())
    return f"{tool.name}-{tool.version}-{sys.platform}-{platform.machine()}-{digest.hexdigest()[:16]}"
