"""What the cluster refused, in words and forms that the engine can show and keep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.kubernetes.api import ApiError, UnknownKindError, UnreachableError
from sandbox.providers.kubernetes.objects import id_of, label_of, outputs_of
from sandbox.providers.kubernetes.waiting import NotLiveError
from sandbox.providers.serve import ProviderError


class GoneError(ProviderError):
    """The object's kind is not served any more."""


class CannotReachError(ProviderError):
    """The cluster cannot be asked."""


@contextlib.contextmanager
def explained(wanted: Mapping[str, Any]) -> Iterator[None]:
    """Turns what the API says into what a person can act on."""
    try:
        yield
    except UnreachableError as problem:
        raise CannotReachError(str(problem)) from problem
    except UnknownKindError as problem:
        raise GoneError(f"{label_of(wanted)}: {problem}") from problem
    except ApiError as refusal:
        if refusal.code == 409 and refusal.fields:
            raise ProviderError(
                f"{label_of(wanted)}: Server-Side Apply field conflict detected: {refusal}; leave the fields to their "
                "other manager (remove them, or ignore_changes), or take them with the annotation "
                'pulumi.com/patchForce: "true"'
            ) from refusal
        raise ProviderError(f"{label_of(wanted)} was refused by the Kubernetes API server: {refusal}") from refusal


def init_failed(context: Any, problem: NotLiveError, inputs: Any, manager: str, answer: Any) -> Any:
    """Tells the engine to keep the object in the state and to fail: it exists, but is not live."""
    message = f"{label_of(problem.live)} failed to fully initialize or become live: {problem}"
    detail = provider_pb2.ErrorResourceInitFailed(
        id=id_of(problem.live), properties=outputs_of(problem.live, manager), reasons=problem.reasons, inputs=inputs
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(detail)
    context.set_code(grpc.StatusCode.UNKNOWN)
    context.set_details(message)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    return answer
