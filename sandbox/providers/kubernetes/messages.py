"""Messages to the person who runs Pulumi, by way of the engine."""

from __future__ import annotations

import contextlib

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class Messages:
    """Shows messages beside a resource; without an engine they go nowhere.

    Args:
        engine: the engine's address.
    """

    def __init__(self, engine: str | None) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None

    def status(self, urn: str, message: str) -> None:
        """Shows what the resource waits for until the next message replaces it."""
        self._log(urn, message, engine_pb2.LogSeverity.INFO, ephemeral=True)

    def warning(self, urn: str, message: str) -> None:
        """Shows a warning that stays."""
        self._log(urn, message, engine_pb2.LogSeverity.WARNING, ephemeral=False)

    def _log(self, urn: str, message: str, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool) -> None:
        if self._engine is not None:
            with contextlib.suppress(grpc.RpcError):  # a message that is lost must not fail the resource
                self._engine.Log(
                    engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral), timeout=5
                )
