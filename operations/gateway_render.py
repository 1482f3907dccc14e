"""A stack's gateway as files for an Envoy that runs anywhere: on a laptop, in a test, beside a single engine."""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from components.gateway.configuration import (
    BOOTSTRAP_FILE,
    REVOCATION_FILE,
    GatewayPlan,
    SigningKey,
    Tls,
    Upstream,
    bootstrap,
    dynamic_files,
    inlined,
    revocation_file,
    signing_keys,
)
from components.settings.layer import EdgeSettings, ServingSettings
from operations.errors import CommandError
from operations.files import write_whole

VALIDATE_FILE: Final = "validate.json"
"""The whole configuration in one document, for `envoy --mode validate`."""
SOCKET_PATH_BYTES: Final = 107
"""The longest path of a unix socket. Source: unix(7), `sun_path`."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the files go, and where Envoy listens.

    Args:
        folder: of the files; an absolute path, which stands in the files.
        listen: IPv4 address and port for clients; the metrics port is on the same address.
        tls: none for plain HTTP.
    """

    folder: Path
    listen: tuple[str, int]
    metrics_port: int
    tls: Tls | None = None


def stack_plan(settings: ServingSettings | EdgeSettings, keys: tuple[SigningKey, ...]) -> GatewayPlan:
    """What the layer itself deploys, without TLS."""
    # Pulumi's packages: seconds of imports that a wrong option must not wait for.
    from components.edge.gateway_plan import gateway_plan as edge_plan
    from components.serving.gateway_plan import gateway_plan as serving_plan

    return edge_plan(settings, keys) if isinstance(settings, EdgeSettings) else serving_plan(settings, keys)


def at(place: Place, plan: GatewayPlan, backends: Mapping[str, tuple[tuple[str, int], ...]]) -> GatewayPlan:
    """The same gateway at another place, with other engines for the models that `backends` names.

    Raises:
        CommandError: a model is not of the stack, or the folder's path is too long for a socket.
    """
    if unknown := sorted(backends.keys() - plan.upstreams.keys()):
        raise CommandError(
            f"--backend: no model {unknown[0]!r} here; the stack has {', '.join(sorted(plan.upstreams))}"
        )
    socket = place.folder / "admin.sock"
    if len(str(socket).encode()) > SOCKET_PATH_BYTES:
        raise CommandError(f"--out: {place.folder} is too long for a socket in it; use a path below 90 characters")
    host, port = place.listen
    if port == place.metrics_port:
        raise CommandError(f"--metrics-port: {port} is where clients are listened to; choose another port")
    return replace(
        plan,
        upstreams={**plan.upstreams, **{model: _upstream(addresses) for model, addresses in backends.items()}},
        listen_address=host,
        listen_port=port,
        metrics_port=place.metrics_port,
        tls=place.tls,
        configuration_folder=str(place.folder / "configuration"),
        revocation_folder=str(place.folder / "revocation"),
        admin_socket=str(socket),
    )


def write(plan: GatewayPlan, folder: Path) -> None:
    """Writes a plan's documents; an Envoy that runs from them takes the watched ones at once.

    The list of revocations is made if it is not there, and left alone if it is: a render brings no token back.

    Raises:
        CommandError: the folder cannot be written.
    """
    configuration, revocation = Path(plan.configuration_folder), Path(plan.revocation_folder)
    try:
        for made in (folder, configuration, revocation):
            made.mkdir(parents=True, exist_ok=True)
        if not (revocation / REVOCATION_FILE).exists():
            write_whole(revocation / REVOCATION_FILE, revocation_file((), ()))
        for name, text in dynamic_files(plan).items():
            write_whole(configuration / name, text)
        write_whole(folder / VALIDATE_FILE, json.dumps(inlined(plan), indent=1, sort_keys=True))
        write_whole(folder / BOOTSTRAP_FILE, json.dumps(bootstrap(plan), indent=1, sort_keys=True))
    except OSError as error:
        raise CommandError(f"{error.filename or folder}: {error.strerror}; name another folder with --out") from None


def read_keys(file: Path) -> tuple[SigningKey, ...]:
    """The public keys of a file, a JSON Web Key Set.

    Raises:
        CommandError: it cannot be read, or holds something else.
    """
    try:
        keys = signing_keys(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandError(f"--jwks: {file}: {reason}") from None
    if not keys:
        raise CommandError(f"--jwks: {file}: there is no key in it; without one nobody gets in")
    return keys


def read_tls(folder: Path) -> Tls:
    """A folder with a certificate and its key.

    Raises:
        CommandError: one of them is missing.
    """
    tls = Tls(folder=str(folder.resolve()))
    for name in (tls.certificate, tls.private_key):
        if not (folder / name).is_file():
            raise CommandError(
                f"--tls: {folder / name} is missing; the folder needs {tls.certificate} and {tls.private_key}"
            )
    return tls


def read_backends(words: Iterable[str]) -> dict[str, tuple[tuple[str, int], ...]]:
    """`MODEL=HOST:PORT` words -> model and its replicas, in their order.

    Raises:
        CommandError: a word has another form.
    """
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for word in words:
        model, _, address = word.partition("=")
        if not model:
            raise CommandError(f"--backend: {word!r}; write it like MODEL=HOST:PORT")
        found[model] = (*found.get(model, ()), read_address("--backend", address))
    return found


def read_address(option: str, text: str) -> tuple[str, int]:
    """`HOST:PORT`.

    Raises:
        CommandError: it has another form.
    """
    host, _, port = text.rpartition(":")
    if not host or ":" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"{option}: {text!r}; write it like HOST:PORT, with a port of 1 to 65535 (no IPv6)")
    return host, int(port)


def is_address(host: str) -> bool:
    """Whether this is an IPv4 address and no name."""
    try:
        return bool(ipaddress.IPv4Address(host))
    except ValueError:
        return False


def _upstream(addresses: tuple[tuple[str, int], ...]) -> Upstream:
    static = all(is_address(host) for host, _ in addresses)
    return Upstream(addresses=addresses, resolution="static" if static else "dns")
