"""What a container finds around it, as folders and variables of the host."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.places import REPOSITORY
from sandbox.providers.docker import records
from sandbox.providers.docker.translation import View
from sandbox.providers.serve import ProviderError

_HOST_VARIABLES = ("PATH", "LANG", "TMPDIR")


def paths(inputs: Mapping[str, Any], home: Path) -> dict[str, str]:
    """Path inside -> path on the host."""
    found = {target: str(_temporary(home, target)) for target in inputs.get("tmpfs") or {}}
    for uploaded in inputs.get("uploads") or ():
        inside = Path(uploaded["file"])
        for place in (inside, *inside.parents):
            if len(place.parts) > 2:  # neither / nor a folder directly below it: too much would be meant by those
                found.setdefault(str(place), str(home / "files" / str(place).strip("/")))
    for mount in inputs.get("mounts") or ():
        found[mount["target"].rstrip("/")] = _mount_source(mount["type"], mount.get("source"), mount["target"], home)
    for volume in inputs.get("volumes") or ():
        kind = "bind" if volume.get("hostPath") else "volume"
        if kind == "bind":  # unlike a mount, a volume makes its folder
            _made(Path(volume["hostPath"]))
        source = volume.get("hostPath") or volume.get("volumeName")
        found[volume["containerPath"].rstrip("/")] = _mount_source(kind, source, volume["containerPath"], home)
    return found


def _mount_source(kind: str, source: str | None, target: str, home: Path) -> str:
    if kind == "bind":
        if source is None or not Path(source).exists():
            raise ProviderError(f"bind mount of {target}: {source!r} does not exist on this host")
        return source
    if kind == "volume" and source:
        return str(_made(records.folder("volumes") / source / "data"))
    return str(_temporary(home, target))


def _temporary(home: Path, target: str) -> Path:
    """An empty folder with a short path, however deep the rehearsal lies: Unix sockets take at most 107 bytes."""
    folder = Path(tempfile.gettempdir()) / f"cloister-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ProviderError(f"{folder} belongs to somebody else; remove it, or set TMPDIR to a folder of your own")
    own = folder / hashlib.sha256(f"{home} {target}".encode()).hexdigest()[:16]
    shutil.rmtree(own, ignore_errors=True)
    return _made(own)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def upload(inputs: Mapping[str, Any], home: Path, view: View) -> None:
    """Write the uploaded files, texts translated, where `paths` says."""
    for entry in inputs.get("uploads") or ():
        target = Path(view.paths[str(Path(entry["file"]))])
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.get("contentBase64") is not None:
            target.write_bytes(base64.b64decode(entry["contentBase64"]))
        elif entry.get("source"):
            shutil.copyfile(entry["source"], target)
        else:
            target.write_text(view.translate(entry.get("content") or ""))
        mode = entry.get("permissions") or ("0755" if entry.get("executable") else "0644")
        target.chmod(int(mode, 8))


def environment(inputs: Mapping[str, Any], home: Path, view: View) -> dict[str, str]:
    """The declared variables, a home, and what the host's credential provider would deliver."""
    declared = dict(entry.partition("=")[::2] for entry in inputs.get("envs") or ())
    cloud = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    return {
        **host_environment(),
        "HOME": str(_made(home / "home")),
        "PYTHONPATH": str(REPOSITORY),
        **cloud,
        **{key: view.translate(value) for key, value in declared.items()},
    }


def host_environment() -> dict[str, str]:
    """The few variables of the host without which its programs do not run."""
    return {key: os.environ[key] for key in _HOST_VARIABLES if key in os.environ}


def working_folder(inputs: Mapping[str, Any], home: Path, view: View) -> Path:
    """The declared working folder where it is a mount, otherwise an empty one."""
    wanted: str = inputs.get("workingDir") or ""
    return _made(Path(view.translate(wanted)) if wanted in view.paths else home / "work")
