"""`cloister gateway`: the gateway's configuration as files."""

import ipaddress
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from operations.commands.options import Stack
from operations.errors import CommandError

app = typer.Typer(help="The gateway's configuration, for an Envoy that runs anywhere.", no_args_is_help=True)


@app.callback()
def gateway() -> None:
    """One verb is still a verb."""


@app.command()
def render(
    stack: Stack,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the files; made if it is not there.")],
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where clients call.")] = "127.0.0.1:8443",
    metrics_port: Annotated[int, typer.Option(min=1, max=65535, help="Where metrics and readiness are.")] = 9902,
    backend: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=HOST:PORT", help="Where a model's engine is; repeat for more models and replicas."),
    ] = None,
    jwks: Annotated[
        Path | None, typer.Option(help="File with public keys; without it those of the platform are taken.")
    ] = None,
    tls: Annotated[Path | None, typer.Option(help="Folder with tls.crt and tls.key; without it plain HTTP.")] = None,
) -> None:
    """Write what a stack's gateway runs with. Nothing is deployed, and an Envoy that runs from the folder follows."""
    from components.gateway.configuration import BOOTSTRAP_FILE, arguments
    from operations.gateway_render import (
        VALIDATE_FILE,
        Place,
        at,
        is_address,
        read_address,
        read_backends,
        read_keys,
        read_tls,
        stack_plan,
        write,
    )
    from operations.gateways import gateway_settings, gateway_stack

    settings = gateway_settings(stack)
    backends, (host, port) = read_backends(backend or ()), read_address("--listen", listen)
    if not is_address(host):
        raise CommandError(f"--listen: {host!r} is not an IPv4 address; name one of this machine's, such as 127.0.0.1")
    certificate = read_tls(tls) if tls else None
    keys = read_keys(jwks) if jwks else gateway_stack(stack).signing_keys
    folder = out.resolve()
    place = Place(folder=folder, listen=(host, port), metrics_port=metrics_port, tls=certificate)
    plan = at(place, stack_plan(settings, keys), backends)
    write(plan, folder)
    if not tls and not ipaddress.IPv4Address(host).is_loopback:
        print(f"warning: {host} is reached from other machines, and there is no TLS; give --tls", file=sys.stderr)
    for model, upstream in plan.upstreams.items():
        where = ", ".join(f"{name}:{number}" for name, number in upstream.addresses)
        print(f"{model} -> {where}" + ("" if model in backends else " (as deployed; --backend names another)"))
    envoy = shlex.join(["envoy", "--mode", "validate", "--config-path", str(folder / VALIDATE_FILE)])
    print(f"check:   {envoy}")
    print(f"start:   {shlex.join(['envoy', *arguments(str(folder / BOOTSTRAP_FILE))])}")
    print(
        f"clients: {'https' if tls else 'http'}://{listen}/v1, metrics: http://{host}:{metrics_port}/stats/prometheus"
    )
