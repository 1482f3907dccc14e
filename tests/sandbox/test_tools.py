"""How tools are had: from `.cloister/bin`, PATH, the user's cache, a release or a build."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.places import REPOSITORY
from sandbox.tools import acquire, build, cache, ensure, install_plugins, launchers, release
from sandbox.tools.tool import CONTROL_PLANE, PULUMI, Tool, ToolError, build_key


class Notes:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []

    def step(self, text: str, usual_seconds: float) -> None:
        self.steps.append(text)

    def line(self, text: str) -> None:
        self.lines.append(text)


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tool on PATH, an empty cache, no internet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(release, "is_reachable", lambda: False)


def fake_go(tmp_path: Path, binary: str = f"echo {PULUMI.version}", code: int = 0) -> None:
    """A `go` that lists three packages and writes the binary that it is given."""
    script(
        tmp_path / "path" / "go",
        'if [ "$1" = list ]; then printf "a\\nb\\nc\\n"; exit 0; fi',
        'while [ "$1" != -o ]; do shift; done',
        "echo a >&2; echo b >&2",
        f"[ {code} = 0 ] || {{ echo 'a/x.go:1: broken here' >&2; exit {code}; }}",
        f'printf \'#!/bin/sh\\n{binary}\\n\' > "$2"; /bin/chmod 755 "$2"',
    )


def test_a_build_is_kept_in_the_cache_and_not_repeated(tmp_path: Path) -> None:
    fake_go(tmp_path)
    notes = Notes()
    first = ensure(["pulumi"], tmp_path / "one", notes)["pulumi"]
    assert first == tmp_path / "one" / "bin" / "pulumi"
    assert notes.steps == [f"building pulumi {PULUMI.version} with Go"]
    assert any("2 of at most 3 packages compiled" in line for line in notes.lines)
    assert (first.parent / "pulumi-language-python").stat().st_mode & stat.S_IXUSR

    (tmp_path / "path" / "go").unlink()
    assert ensure(["pulumi"], tmp_path / "one", Notes())["pulumi"] == first
    second = ensure(["pulumi"], tmp_path / "two", Notes())["pulumi"]
    assert second.read_bytes() == first.read_bytes()
    assert [file.name for file in second.parent.glob(".pulumi.[0-9]*")] == []


def test_a_damaged_cache_entry_is_not_used(tmp_path: Path) -> None:
    fake_go(tmp_path)
    ensure(["pulumi"], tmp_path / "one", Notes())
    entry = cache.stored(build_key(PULUMI, REPOSITORY))
    entry.write_bytes(entry.read_bytes()[:-8] + b"damaged!")
    notes = Notes()
    ensure(["pulumi"], tmp_path / "two", notes)
    assert notes.steps == [f"building pulumi {PULUMI.version} with Go"]


def test_other_sources_are_another_build(tmp_path: Path) -> None:
    source = tmp_path / CONTROL_PLANE.source
    source.mkdir(parents=True)
    for name in ("go.mod", "go.sum", "main.go"):
        (source / name).write_text(name)
    before = build_key(CONTROL_PLANE, tmp_path)
    (source / "main.go").write_text("changed")
    assert build_key(CONTROL_PLANE, tmp_path) != before
    assert before.startswith(f"control-plane-v1.36.3-{sys.platform}-")


def test_a_binary_of_other_sources_is_replaced(tmp_path: Path) -> None:
    fake_go(tmp_path)
    target = script(tmp_path / "bin" / "pulumi", "echo v3.1.0")
    (tmp_path / "bin" / ".pulumi.key").write_text("of an older build")
    ensure(["pulumi"], tmp_path, Notes())
    assert PULUMI.version in target.read_text()


def test_a_binary_that_does_not_run_is_not_kept(tmp_path: Path) -> None:
    fake_go(tmp_path, binary="exit 1")
    with pytest.raises(ToolError, match=r"does not run here: `pulumi version` does not answer v3\.259\.0"):
        ensure(["pulumi"], tmp_path, Notes())
    assert not (tmp_path / "bin" / "pulumi").exists()


def test_without_go_the_ways_out_are_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"go is not installed\nput pulumi >= 3\.200 .* on PATH, or install Go"):
        ensure(["pulumi"], tmp_path, Notes())
    with pytest.raises(ToolError, match=r"cannot be built: go is not installed\ninstall Go >= 1\.21"):
        ensure(["control-plane"], tmp_path, Notes())


def test_a_failed_build_shows_the_compilers_last_words(tmp_path: Path) -> None:
    fake_go(tmp_path, code=2)
    with pytest.raises(ToolError, match=r"`go build` of pulumi failed in sandbox/engine:(.|\n)*broken here"):
        ensure(["pulumi"], tmp_path, Notes())
    assert [file.name for file in (tmp_path / "bin").iterdir()] == [".lock"]


def test_the_users_own_pulumi_is_taken_with_its_language_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = script(tmp_path / "path" / "pulumi", "echo v3.275.0")
    script(tmp_path / "bin" / "pulumi-language-python")
    fake_go(tmp_path)
    script(tmp_path / "path" / "pulumi-language-python")
    found = ensure(["pulumi"], tmp_path, Notes())["pulumi"]
    assert found == tmp_path / "bin" / "pulumi"
    assert found.resolve() == own
    assert not (tmp_path / "bin" / "pulumi-language-python").exists()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{tmp_path / 'path'}")
    assert ensure(["pulumi"], tmp_path, Notes())["pulumi"].resolve() == own


@pytest.mark.parametrize(("version", "host"), [("v3.150.0", True), ("v3.275.0", False), ("nonsense", True)])
def test_an_old_or_incomplete_pulumi_on_path_is_not_taken(tmp_path: Path, version: str, host: bool) -> None:
    script(tmp_path / "path" / "pulumi", f"echo {version}")
    if host:
        script(tmp_path / "path" / "pulumi-language-python")
    assert acquire._pulumi_on_path(tmp_path / "bin") is None


def archive_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("pulumi/pulumi")
        member.size, member.mode = len(content), 0o755
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_an_official_release_is_taken_when_its_checksum_is_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(b"#!/bin/sh\necho v3.259.0\n")
    monkeypatch.setattr(release, "is_reachable", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    name = f"pulumi-{PULUMI.version}-{sys.platform}-x64.tar.gz"
    sums = {"right": hashlib.sha256(archive).hexdigest(), "wrong": "0" * 64}

    def fetch(kind: str) -> None:
        lines = f"{'1' * 64}  pulumi-other.tar.gz\n{sums[kind]}  {name}\n"
        monkeypatch.setattr(release, "_fetch", lambda url: lines.encode() if url.endswith(".txt") else archive)

    fetch("wrong")
    with pytest.raises(ToolError, match=f"{name}: sha256 is {sums['right']}, the published one is 0000"):
        ensure(["pulumi"], tmp_path, Notes())
    fetch("right")
    found = ensure(["pulumi"], tmp_path, Notes())["pulumi"]
    assert subprocess.run([found], capture_output=True, text=True).stdout == "v3.259.0\n"


def test_provider_plugins_are_found_where_the_engine_looks(tmp_path: Path) -> None:
    installed = install_plugins(tmp_path)
    assert sorted(installed) == ["aws", "docker", "kubernetes"]
    for name, path in installed.items():
        assert path.name == f"pulumi-resource-{name}"
        assert path.parent.name.startswith(f"resource-{name}-v")
        assert f"sandbox.providers.{name} " in path.read_text()
        assert os.access(path, os.X_OK)
    before = installed["aws"].stat().st_mtime_ns
    assert install_plugins(tmp_path)["aws"].stat().st_mtime_ns == before


def test_an_official_plugin_is_kept(tmp_path: Path) -> None:
    target = install_plugins(tmp_path)["kubernetes"]
    target.write_bytes(b"\x7fELF")
    assert install_plugins(tmp_path)["kubernetes"].read_bytes() == b"\x7fELF"


def test_a_plugin_that_cannot_be_fetched_is_stood_in_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "is_reachable", lambda: True)
    failing = script(tmp_path / "pulumi", "exit 1")
    assert not launchers.official_plugin("kubernetes", "4.0.0", tmp_path / "home", failing)
    assert install_plugins(tmp_path, failing)["kubernetes"].read_bytes().startswith(b"#!")


def test_an_interrupted_build_leaves_no_half_binary(tmp_path: Path) -> None:
    script(
        tmp_path / "path" / "go",
        "[ $1 = list ] && exit 0",
        'while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo a >&2; exec /bin/sleep 60',
    )

    class Impatient(Notes):
        def line(self, text: str) -> None:
            if "packages compiled" in text:
                raise KeyboardInterrupt

    (tmp_path / "bin").mkdir()
    tool: Tool = PULUMI
    build_lines, build._LINE_SECONDS = build._LINE_SECONDS, 0.0
    try:
        with pytest.raises(KeyboardInterrupt):
            build.build(tool, REPOSITORY, tmp_path / "bin" / "pulumi", Impatient())
    finally:
        build._LINE_SECONDS = build_lines
    assert list((tmp_path / "bin").iterdir()) == []
