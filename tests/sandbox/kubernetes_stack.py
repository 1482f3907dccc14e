"""What the Pulumi engine does with one resource, done by hand against a provider's gRPC server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.providers import serve
from sandbox.providers.kubernetes.messages import Messages
from sandbox.providers.kubernetes.provider import KubernetesProvider


class RefusedError(Exception):
    """The provider's check found problems with the inputs."""


@dataclass
class Resource:
    """One resource of a stack: what the state knows about it."""

    stub: Any
    token: str
    name: str
    seed: bytes = b"seed"
    id: str = ""
    inputs: Any = None
    outputs: Any = None
    urn: str = field(init=False)

    def __post_init__(self) -> None:
        self.urn = f"urn:pulumi:rehearsal::cloister::{self.token}::{self.name}"

    def check(self, inputs: dict[str, Any], *, new: bool = False) -> Any:
        olds = None if new or self.inputs is None else self.inputs
        request = provider_pb2.CheckRequest(
            urn=self.urn, olds=olds, news=serve.to_struct(inputs), randomSeed=self.seed, name=self.name, type=self.token
        )
        answer = self.stub.Check(request)
        if answer.failures:
            raise RefusedError("; ".join(f"{failure.property}: {failure.reason}" for failure in answer.failures))
        return answer.inputs

    def diff(self, inputs: dict[str, Any], ignore: list[str] | None = None) -> Any:
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id=self.id,
                urn=self.urn,
                olds=self.outputs,
                news=self.check(inputs),
                old_inputs=self.inputs,
                ignoreChanges=ignore or [],
            )
        )

    def preview(self, inputs: dict[str, Any]) -> dict[str, Any]:
        request = provider_pb2.CreateRequest(urn=self.urn, properties=self.check(inputs, new=True), preview=True)
        return serve.from_struct(self.stub.Create(request).properties)

    def create(self, inputs: dict[str, Any], timeout: float = 30) -> dict[str, Any]:
        self.inputs = self.check(inputs, new=True)
        request = provider_pb2.CreateRequest(urn=self.urn, properties=self.inputs, timeout=timeout)
        answer = self.stub.Create(request)
        self.id, self.outputs = answer.id, answer.properties
        return serve.from_struct(self.outputs)

    def update(self, inputs: dict[str, Any], timeout: float = 30) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            id=self.id,
            urn=self.urn,
            olds=self.outputs,
            news=self.check(inputs),
            old_inputs=self.inputs,
            timeout=timeout,
        )
        self.inputs = request.news
        self.outputs = self.stub.Update(request).properties
        return serve.from_struct(self.outputs)

    def read(self) -> Any:
        return self.stub.Read(
            provider_pb2.ReadRequest(id=self.id, urn=self.urn, properties=self.outputs, inputs=self.inputs)
        )

    def delete(self, timeout: float = 30) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                id=self.id, urn=self.urn, properties=self.outputs, old_inputs=self.inputs, timeout=timeout
            )
        )


@contextlib.contextmanager
def provider(**inputs: str) -> Iterator[Any]:
    """A configured provider behind its gRPC server."""
    servicer = KubernetesProvider(Messages(None))
    server, port = serve.start(servicer)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            stub.Configure(provider_pb2.ConfigureRequest(args=serve.to_struct(inputs)))
            yield stub
    finally:
        server.stop(grace=0).wait()
        servicer.close()
