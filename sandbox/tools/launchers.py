"""Launchers that make the sandbox's Python modules look like Pulumi's plugins."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import version
from pathlib import Path

from sandbox.places import REPOSITORY, rehearsal_folder
from sandbox.tools import release

_PROVIDERS = {"aws": "pulumi-aws", "docker": "pulumi-docker", "kubernetes": "pulumi-kubernetes"}
_OFFICIAL = ("kubernetes",)  # talks to the rehearsal's real API server, so the official plugin serves best


def install_language_host(folder: Path | None = None) -> Path:
    """Put the Python language host beside the engine, where it looks first; returns the launcher.

    With it comes the plugin of dynamic resources, which a release of Pulumi has beside its language host as well.
    """
    home = folder or rehearsal_folder()
    _launcher(home / "bin" / "pulumi-resource-pulumi-python", "pulumi.dynamic")
    return _launcher(home / "bin" / "pulumi-language-python", "sandbox.engine.language_host")


def install_plugins(folder: Path | None = None, pulumi: Path | None = None) -> dict[str, Path]:
    """Put a provider plugin of each SDK's version into the rehearsal's Pulumi home.

    Args:
        folder: the rehearsal's folder, by default `.cloister`.
        pulumi: the engine that may fetch official plugins when the internet can be reached; without it none is fetched.
    """
    home = (folder or rehearsal_folder()) / "home"
    installed = {}
    for name, package in _PROVIDERS.items():
        target = home / "plugins" / f"resource-{name}-v{version(package)}" / f"pulumi-resource-{name}"
        if name not in _OFFICIAL or not official_plugin(name, version(package), home, pulumi):
            _launcher(target, f"sandbox.providers.{name}")
        installed[name] = target
    return installed


def official_plugin(name: str, wanted: str, home: Path, pulumi: Path | None) -> bool:
    """Whether the official plugin is in the Pulumi home; it is fetched when the internet can be reached."""
    target = home / "plugins" / f"resource-{name}-v{wanted}" / f"pulumi-resource-{name}"
    if target.exists() and not target.read_bytes().startswith(b"#!"):
        return True
    if pulumi is None or not release.is_reachable():
        return False
    target.unlink(missing_ok=True)  # a launcher of ours would count as installed
    return release.install_plugin(pulumi, home, name, wanted)


def _launcher(target: Path, module: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    script = (
        "#!/bin/sh\n"
        f'PYTHONPATH={shlex.quote(str(REPOSITORY))}"${{PYTHONPATH:+:$PYTHONPATH}}" '
        f'exec {shlex.quote(sys.executable)} -P -m {module} "$@"\n'
    )
    if not target.exists() or target.read_bytes() != script.encode():
        draft = target.with_name(f".{target.name}.draft")
        draft.write_text(script)
        draft.chmod(0o755)
        draft.replace(target)
    return target
