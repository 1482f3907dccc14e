"""The engine's Python language host: runs Python programs and plugins when the official one is not installed.

It answers what a deployment needs. Not there: conversion from other languages, package generation, debugging.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

VERSION: Final = "1.0.0"
_MESSAGE_LIMIT: Final = 400 * 1024 * 1024
_PROGRAM_RUNNER: Final = Path(__file__).with_name("run_program.py")
_ORPHAN_SECONDS: Final = 2.0
_SHOWN_TO_USER: Final = 32  # the program has told the engine what is wrong; the host need not repeat it
_PLUGIN_MODULES: Final = {"analyzer": "pulumi.policy", "resource": "pulumi.run.plugin"}


class InterpreterMissingError(Exception):
    """The virtualenv that a project names has no Python; the message says where it was looked for."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine's language protocol for Python, one child process per program or plugin."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()
        self._ending = threading.Event()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing: each registration carries its plugin's version, and nothing is to be downloaded ahead."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing, as for packages."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing; only `pulumi about` asks."""
        return language_pb2.GetProgramDependenciesResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Nothing: the project's own lock and installer do it."""
        return iter(())

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program to its end; its output goes to the host's, which the engine shows."""
        try:
            command = program_command(request, self._engine)
        except InterpreterMissingError as problem:
            return language_pb2.RunResponse(error=str(problem))
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        child = self._start(command, environment, request.pwd, output=None)
        context.add_callback(lambda: _terminate(child))
        code = child.wait()
        self._children.discard(child)
        if code in (0, _SHOWN_TO_USER):
            return language_pb2.RunResponse(bail=code == _SHOWN_TO_USER)
        return language_pb2.RunResponse(error=f"the program ended with exit code {code}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a policy pack or another Python plugin until the engine lets go of it, passing its output on."""
        try:
            command = plugin_command(request)
        except InterpreterMissingError as problem:
            yield language_pb2.RunPluginResponse(stderr=f"{problem}\n".encode())
            yield language_pb2.RunPluginResponse(exitcode=1)
            return
        environment = dict(entry.split("=", 1) for entry in request.env) or dict(os.environ)
        child = self._start(command, environment, request.pwd, output=subprocess.PIPE)
        context.add_callback(lambda: _terminate(child))
        for stream, chunk in _output(child):
            yield (
                language_pb2.RunPluginResponse(stdout=chunk)
                if stream == "stdout"
                else language_pb2.RunPluginResponse(stderr=chunk)
            )
        yield language_pb2.RunPluginResponse(exitcode=child.wait())
        self._children.discard(child)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End what runs: the engine's user pressed Ctrl-C, or the engine is done."""
        self.end()
        return empty_pb2.Empty()

    def end(self) -> None:
        """End every child process."""
        self._ending.set()
        for child in list(self._children):
            _terminate(child)

    def _start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str, output: int | None
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            command, env=environment, cwd=folder or None, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        self._children.add(child)
        if self._ending.is_set():
            _terminate(child)
        return child


def program_command(request: Any, engine: str) -> list[str]:
    """The command that runs a project's program.

    Raises:
        InterpreterMissingError: the project names a virtualenv that has no Python.
    """
    info = request.info
    program = Path(info.program_directory)
    if info.entry_point not in ("", "."):
        program /= info.entry_point
    options = {
        "--monitor": request.monitor_address,
        "--engine": engine,
        "--project": request.project,
        "--stack": request.stack,
        "--organization": request.organization,
        "--root-directory": info.root_directory,
        "--parallel": str(request.parallel),
        "--dry-run": str(request.dryRun).lower(),
    }
    flat = [part for option in options.items() for part in option]
    return [interpreter(info), "-u", "-P", str(_PROGRAM_RUNNER), *flat, str(program), *request.args]


def plugin_command(request: Any) -> list[str]:
    """The command that runs a policy pack or provider written in Python.

    Raises:
        InterpreterMissingError: its project names a virtualenv that has no Python.
    """
    module = _PLUGIN_MODULES.get(request.kind, "pulumi.run.plugin")
    folder, arguments = request.info.program_directory, list(request.args)
    if request.kind == "analyzer":  # it wants the engine's address first
        return [interpreter(request.info), "-u", "-m", module, *arguments[:1], folder, *arguments[1:]]
    return [interpreter(request.info), "-u", "-m", module, folder, *arguments]


def interpreter(info: Any) -> str:
    """The Python of the `virtualenv` that the project's runtime options name, by default this one.

    Raises:
        InterpreterMissingError: there is none.
    """
    option = info.options.fields["virtualenv"].string_value if "virtualenv" in info.options.fields else ""
    if not option:
        return sys.executable
    python = Path(info.root_directory, option, "bin", "python")
    if not python.exists():
        raise InterpreterMissingError(f"virtualenv: {python} does not exist; make it with `uv sync`")
    return str(python)


def _terminate(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()


def _output(child: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """What the child prints, as it comes: ("stdout" or "stderr", bytes)."""
    chunks: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def pump(name: str) -> None:
        stream = getattr(child, name)
        for chunk in iter(lambda: stream.read1(65536), b""):
            chunks.put((name, chunk))
        stream.close()
        chunks.put((name, b""))

    names = {"stdout", "stderr"}
    for name in names:
        threading.Thread(target=pump, args=(name,), daemon=True).start()
    while names:
        name, chunk = chunks.get()
        if chunk:
            yield name, chunk
        else:
            names = names - {name}


def main(arguments: Sequence[str]) -> None:
    """Serve on loopback until the engine ends it; the port is the first line of standard output."""
    engine = arguments[-1] if arguments and ":" in arguments[-1] else ""
    host = LanguageHost(engine)
    server = grpc.server(
        futures.ThreadPoolExecutor(32),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
        ],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    parent = os.getppid()
    print(port, flush=True)
    while not ended.wait(_ORPHAN_SECONDS) and os.getppid() == parent:
        pass  # an engine that was killed cannot end its host
    host.end()
    server.stop(grace=0.2).wait()
    os._exit(0)  # a handler may still wait for a child that takes its time


if __name__ == "__main__":
    main(sys.argv[1:])
