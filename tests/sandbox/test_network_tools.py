"""Where `ip` and `nft` come from: the machine, else its packages, which are not installed."""

import os
from pathlib import Path

import pytest

from sandbox.network import tools
from sandbox.tools.tool import ToolError

FETCH = """
echo "$@" >> {log}
for word; do
    case $word in Dir::Cache=*) : > "${{word#*=}}/archives/both.deb" ;; esac
done
"""
UNPACK = """
mkdir -p "$3/sbin" "$3/usr/sbin" "$3/usr/lib"
: > "$3/sbin/ip"
: > "$3/usr/sbin/nft"
: > "$3/usr/lib/liba.so.1"
"""


def test_programs_of_the_machine_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path / "bin", ip="", nft="")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = tools.ensure(tmp_path / "home")
    assert (found.ip, found.nft) == (tmp_path / "bin/ip", tmp_path / "bin/nft")
    assert not (tmp_path / "home").exists()


def test_missing_programs_are_unpacked_once_and_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    _programs(tmp_path / "bin", **{"apt-get": FETCH.format(log=log), "dpkg": UNPACK})
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "bin"), "/usr/bin", "/bin"]))
    monkeypatch.setattr(tools, "ADMINISTRATORS_PATH", ())
    monkeypatch.setattr(tools, "_on_path", lambda name: None)
    found = [tools.ensure(tmp_path / "home") for _ in range(2)]
    root = tmp_path / "home/tools/network/root"
    assert {(each.ip, each.nft) for each in found} == {(root / "sbin/ip", root / "usr/sbin/nft")}
    assert found[0].environment["LD_LIBRARY_PATH"] == str(root / "usr/lib")
    update, install = log.read_text().splitlines()
    assert update.endswith(" update")
    assert "--download-only" in install
    assert install.endswith("iproute2 nftables")


def test_a_machine_without_apt_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "ADMINISTRATORS_PATH", ())
    with pytest.raises(ToolError, match="no apt-get; install the packages iproute2 and nftables"):
        tools.ensure(tmp_path / "home")


def test_what_the_package_manager_says_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, **{"apt-get": "echo E: no network >&2; exit 100", "dpkg": ""})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "ADMINISTRATORS_PATH", ())
    with pytest.raises(ToolError, match=r"apt-get could not bring ip and nft(.|\n)*E: no network"):
        tools.ensure(tmp_path / "home")


def _programs(folder: Path, **texts: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
