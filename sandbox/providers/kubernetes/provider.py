"""The provider itself: the engine's requests, answered with a Kubernetes API server."""

from __future__ import annotations

import contextlib
import importlib.metadata
import secrets
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.providers.kubernetes import declaration, waiting
from sandbox.providers.kubernetes.api import Api, ApiError, Object, UnknownKindError, UnreachableError
from sandbox.providers.kubernetes.changes import applied, declared, differences, forces_new, with_live_values
from sandbox.providers.kubernetes.kubeconfig import KubeconfigError
from sandbox.providers.kubernetes.messages import Messages
from sandbox.providers.kubernetes.objects import (
    already_exists,
    as_preview,
    comparable,
    id_of,
    label_of,
    manager_of,
    outputs_of,
    place_of,
    refuse_foreign,
    top_of,
    type_of,
    with_secrets,
)
from sandbox.providers.kubernetes.readiness import DEFAULT_SECONDS
from sandbox.providers.kubernetes.refusals import CannotReachError, GoneError, explained, init_failed
from sandbox.providers.kubernetes.settings import Settings, is_other_cluster, read_settings, refusals
from sandbox.providers.serve import UNKNOWN, ProviderError, from_struct, has_unknown, to_struct

_DIFF_KINDS = {"add": "ADD", "delete": "DELETE", "update": "UPDATE"}
_SETTLING_SECONDS = 15.0  # a new definition or namespace is not served everywhere at once
_BOUND_TO_NAME = ("CustomResourceDefinition", "APIService")  # cannot be tried out under another name
_PROPAGATION = {"orphan": "Orphan", "background": "Background", "foreground": "Foreground"}


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine; objects live in the cluster only, nothing is kept here.

    Args:
        messages: shows what a resource waits for.
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._settings = Settings(texts={}, switches={})
        self._api: Api | None = None

    def close(self) -> None:
        """Closes the connections to the cluster."""
        if self._api is not None:
            self._api.close()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi_kubernetes"))

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        failures = [
            provider_pb2.CheckFailure(property=key, reason=reason)
            for key, reason in refusals(from_struct(request.news))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        old, new = from_struct(request.old_inputs or request.olds), from_struct(request.news)
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key) and not key.startswith("__")]
        replaces = ["kubeconfig"] if changed and is_other_cluster(old, new) else []
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed, replaces=replaces)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        self._settings = read_settings(from_struct(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False)

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        raise ProviderError(f"{request.tok} is not simulated by the Kubernetes stand-in")

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        self._cancelled.set()
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        token, resource = type_of(request.urn), request.urn.rpartition("::")[2]
        api_version, kind = declaration.object_type(token)
        declared_inputs = {**from_struct(request.news), "apiVersion": api_version, "kind": kind}
        failures = [
            provider_pb2.CheckFailure(property=path, reason=reason)
            for path, reason in declaration.problems(token, declared_inputs)
        ]
        inputs = declaration.named(declared_inputs, from_struct(request.olds), resource, request.randomSeed)
        with contextlib.suppress(UnreachableError, UnknownKindError, ApiError):  # said by the step that needs it
            inputs = self._located(inputs)
        return provider_pb2.CheckResponse(inputs=to_struct(with_secrets(inputs)), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        new, old = applied(from_struct(request.news)), applied(from_struct(request.old_inputs))
        state = from_struct(request.olds)
        with explained(new):
            changed, replaces = self._compare(old, new, state, list(request.ignoreChanges))
        same_place = place_of(old) == place_of(new)
        suffix = {path: "_REPLACE" for path in replaces}
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({top_of(path) for path in changed}),
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and same_place and not declaration.is_autonamed(new),
            detailedDiff={
                path: provider_pb2.PropertyDiff(
                    kind=provider_pb2.PropertyDiff.Kind.Value(_DIFF_KINDS[how] + suffix.get(path, "")), inputDiff=True
                )
                for path, how in changed.items()
            },
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        inputs = from_struct(request.properties)
        manager = declaration.annotation(inputs, "pulumi.com/patchFieldManager")
        manager = manager or f"pulumi-kubernetes-{secrets.token_hex(4)}"
        with explained(inputs):
            if request.preview:
                outputs = inputs if has_unknown(inputs) else self._try_out(applied(inputs), manager)
                return provider_pb2.CreateResponse(properties=outputs_of(outputs, manager))
            wanted = self._located(applied(inputs))
            live = self._first_apply(wanted, manager)
            try:
                live = self._wait(request, live)
            except waiting.NotLiveError as problem:
                return init_failed(context, problem, request.properties, manager, provider_pb2.CreateResponse())
        return provider_pb2.CreateResponse(id=id_of(live), properties=outputs_of(live, manager))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        inputs, state = from_struct(request.news), from_struct(request.olds)
        manager = manager_of(state)
        with explained(inputs):
            if request.preview and has_unknown(inputs):
                return provider_pb2.UpdateResponse(properties=outputs_of({**state, **inputs}, manager))
            wanted = self._located(applied(inputs))
            current = self._cluster.get(wanted)
            wanted = with_live_values(wanted, current or {}, list(request.ignoreChanges))
            live = self._cluster.apply(wanted, manager, force=self._forces(wanted), dry_run=request.preview)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=outputs_of(live, manager))
            try:
                live = self._wait(request, live)
            except waiting.NotLiveError as problem:
                return init_failed(context, problem, request.news, manager, provider_pb2.UpdateResponse())
        return provider_pb2.UpdateResponse(properties=outputs_of(live, manager))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        state, inputs = from_struct(request.properties), from_struct(request.inputs)
        api_version, kind = declaration.object_type(type_of(request.urn))
        namespace, _, name = request.id.rpartition("/")
        wanted = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        with explained(wanted):
            try:
                live = self._cluster.get(wanted)
            except UnknownKindError:
                live = None
            except UnreachableError:
                if not self._settings.switches.get("deleteUnreachable"):
                    raise
                self._messages.warning(
                    request.urn, "the cluster is unreachable; the resource is dropped from the state"
                )
                live = None
        if live is None:
            return provider_pb2.ReadResponse(id="")
        shown = inputs or declared(live)
        return provider_pb2.ReadResponse(
            id=id_of(live), properties=outputs_of(live, manager_of(state)), inputs=to_struct(with_secrets(shown))
        )

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        state = from_struct(request.properties)
        policy = declaration.annotation(state, "pulumi.com/deletionPropagationPolicy") or "foreground"
        seconds = declaration.seconds_to_wait(request.timeout, state, DEFAULT_SECONDS)
        try:
            with explained(state):
                live = self._cluster.get(state)
                if live is None or not self._cluster.delete(live, _PROPAGATION.get(policy.lower(), "Foreground")):
                    return empty_pb2.Empty()
                say = partial(self._messages.status, request.urn)
                if not waiting.until_gone(self._cluster, live, seconds, self._cancelled, say):
                    raise ProviderError(
                        f"{label_of(state)} was still there {seconds:.0f} s after its deletion was asked for"
                    )
        except GoneError:
            return empty_pb2.Empty()
        except CannotReachError:
            if not self._settings.switches.get("deleteUnreachable"):
                raise
            self._messages.warning(request.urn, "the cluster is unreachable; the resource is dropped from the state")
        return empty_pb2.Empty()

    @property
    def _cluster(self) -> Api:
        with self._lock:
            if self._api is None:
                try:
                    self._api = Api(self._settings.kubeconfig())
                except KubeconfigError as problem:
                    raise UnreachableError(problem) from problem
            return self._api

    def _located(self, wanted: Object) -> Object:
        """The object with its namespace, where its kind has one and none is declared."""
        metadata = wanted["metadata"]
        if metadata == UNKNOWN or metadata.get("namespace") or not self._cluster.kind_of(wanted).namespaced:
            return wanted
        return {**wanted, "metadata": {**metadata, "namespace": self._cluster.namespace}}

    def _forces(self, wanted: Mapping[str, Any]) -> bool:
        said = declaration.annotation(wanted, "pulumi.com/patchForce")
        return said == "true" if said else self._settings.switches.get("enablePatchForce", False)

    def _compare(self, old: Object, new: Object, state: Object, ignored: list[str]) -> tuple[dict[str, str], list[str]]:
        """Every changed path and how, and those that need a new object."""
        changed = dict(differences(comparable(old), comparable(new)))
        mutable = self._settings.lets_data_change(new["kind"])
        force_new = partial(forces_new, new["apiVersion"], new["kind"], mutable_data=mutable)
        if (replaces := [path for path in changed if force_new(path)]) or has_unknown(new):
            return changed, replaces
        try:
            wanted = self._located(new)
            live = self._cluster.get(wanted)
            if live is None:
                return dict(differences({}, comparable(new))), []
            wanted = with_live_values(wanted, live, ignored)
            result = self._cluster.apply(wanted, manager_of(state), force=self._forces(wanted), dry_run=True)
        except UnknownKindError:
            return dict(differences({}, comparable(new))), []
        except ApiError as refusal:
            if not refusal.is_immutable:
                raise
            named = [path for path in changed if any(path.startswith(field) for field in refusal.fields)]
            return changed, named or list(changed)
        changed |= dict(differences(declared(live), declared(result)))
        return changed, [path for path in changed if force_new(path)]

    def _try_out(self, wanted: Object, manager: str) -> Object:
        """The object as a dry run would create it; the inputs where its kind or namespace is not there yet."""
        try:
            wanted = self._located(wanted)
            live = self._cluster.get(wanted)
            trial = wanted
            if live is not None and not self._settings.switches.get("upsertExistingObjects"):
                refuse_foreign(wanted, live)
                if wanted["kind"] in _BOUND_TO_NAME:
                    return wanted
                # Ours, so it is to be deleted first; the new one is tried out beside it.
                name = f"{wanted['metadata']['name'][:40]}-{secrets.token_hex(4)}"
                trial = {**wanted, "metadata": {**wanted["metadata"], "name": name}}
            result = self._cluster.apply(trial, manager, force=self._forces(wanted), dry_run=True)
        except UnknownKindError:
            return wanted
        except ApiError as refusal:
            if refusal.is_missing_namespace:
                return wanted
            raise
        return as_preview(wanted, result)

    def _first_apply(self, wanted: Object, manager: str) -> Object:
        deadline = time.monotonic() + _SETTLING_SECONDS
        while True:
            try:
                live = self._cluster.get(wanted)
                if live is not None and not self._settings.switches.get("upsertExistingObjects"):
                    raise ProviderError(already_exists(wanted))
                return self._cluster.apply(wanted, manager, force=self._forces(wanted))
            except (UnknownKindError, ApiError) as problem:
                settles = isinstance(problem, UnknownKindError) or "error looking up service account" in str(problem)
                if not settles or time.monotonic() > deadline or self._cancelled.wait(0.5):
                    raise

    def _wait(self, request: Any, live: Object) -> Object:
        seconds = declaration.seconds_to_wait(request.timeout, live, DEFAULT_SECONDS)
        say = partial(self._messages.status, request.urn)
        return waiting.until_live(self._cluster, live, seconds, self._cancelled, say)
