"""What every stand-in provider needs: a gRPC server for the engine, and values to and from its wire format."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import Any, Final

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2_grpc

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What an input holds at preview when its value is known only after another resource exists."""

_UNKNOWNS: Final = {  # one sentinel per type of the value that is not known yet
    UNKNOWN,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

_MESSAGE_LIMIT: Final = 400 * 1024 * 1024  # the engine's own limit
_ORPHAN_SECONDS: Final = 2.0
_WORKERS: Final = 64  # the engine creates many independent resources at once; a container waits for its health


class ProviderError(Exception):
    """A refusal that a person can act on; the engine shows its message without a traceback."""


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Plain Python from the engine's properties: secrets unwrapped, whole numbers as int, unknowns as `UNKNOWN`."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The engine's properties from plain Python; `UNKNOWN` stays unknown.

    Raises:
        TypeError: a value is not None, bool, number, string, list, tuple or mapping with string keys.
    """
    return struct_pb2.Struct(fields={key: _to_value(value) for key, value in properties.items()})


def has_unknown(value: object) -> bool:
    """Whether the value, or anything nested in it, is not known yet."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return isinstance(value, str) and value == UNKNOWN


def engine_address(arguments: Sequence[str]) -> str | None:
    """The engine's own address, which it passes as a plugin's last argument; None when a person started the plugin."""
    last = arguments[-1] if arguments else ""
    host, _, port = last.rpartition(":")
    return last if host and port.isdigit() else None


def serve(servicer: provider_pb2_grpc.ResourceProviderServicer, arguments: Sequence[str] | None = None) -> None:
    """Serve the provider on loopback until the engine ends it; the port is the first line of standard output.

    Args:
        servicer: answers the engine; a `ProviderError` arrives as its message, a missing method as unimplemented.
        arguments: the command line (default `sys.argv[1:]`); `--port=N` pins the port for `PULUMI_DEBUG_PROVIDERS`.
    """
    gc.disable()  # a process of seconds that imports thousands of classes
    arguments = sys.argv[1:] if arguments is None else arguments
    wanted = next((a.removeprefix("--port=") for a in arguments if a.startswith("--port=")), "0")
    server, port = start(servicer, int(wanted))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    parent = os.getppid()
    print(port, flush=True)
    while not ended.wait(_ORPHAN_SECONDS):
        if engine_address(arguments) and os.getppid() != parent:
            break  # an engine that was killed cannot end its plugins
    server.stop(grace=0.5).wait()


def start(servicer: provider_pb2_grpc.ResourceProviderServicer, port: int = 0) -> tuple[grpc.Server, int]:
    """Start the provider's server in this process and return it with its port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(_WORKERS),
        interceptors=[_Refusals()],
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


class _Refusals(grpc.ServerInterceptor):  # type: ignore[misc]
    """Turns `ProviderError` and missing methods into plain gRPC answers; any other exception keeps its traceback."""

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        answer = handler.unary_unary

        def guarded(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                return answer(request, context)
            except ProviderError as refusal:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refusal))
            except NotImplementedError:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{details.method} is not implemented by this stand-in")
            except Exception:
                logging.getLogger(__name__).exception("the stand-in failed in %s", details.method)
                raise

        return grpc.unary_unary_rpc_method_handler(
            guarded,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
        if signature in (_SECRET, _OUTPUT):
            return _from_value(fields["value"]) if "value" in fields else UNKNOWN if signature == _OUTPUT else None
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    return value.bool_value if kind == "bool_value" else None


def _to_value(value: object) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=to_struct(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(item) for item in value]))
    raise TypeError(f"{value!r} of type {type(value).__name__} has no place in a resource's properties")
