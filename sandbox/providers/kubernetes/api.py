"""The Kubernetes API over HTTPS: discovery, reading, server-side apply, deletion."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from sandbox.providers.kubernetes.credentials import BearerToken, CredentialError
from sandbox.providers.kubernetes.kubeconfig import Kubeconfig, KubeconfigError

Object = dict[str, Any]

_BUSY = (429, 503)
_TRIES = 5
_IMMUTABLE = (
    "field is immutable",
    "may not be changed in an update",
    "is immutable when",
    "updates to statefulset spec",
    "pod updates may not change",
    "spec is immutable after creation",
    "cannot change roleRef",
)


class UnreachableError(Exception):
    """The API server does not answer, or lets nobody in."""

    def __init__(self, cause: object) -> None:
        super().__init__(
            f"configured Kubernetes cluster is unreachable: {cause}. If the cluster was deleted, set deleteUnreachable "
            "on the provider or PULUMI_K8S_DELETE_UNREACHABLE=true to drop its resources from the state"
        )


class UnknownKindError(Exception):
    """The API server does not serve this kind (yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(
            f'no matches for kind "{kind}" in version "{api_version}"; '
            "create its CustomResourceDefinition first and name it in depends_on"
        )


class ApiError(Exception):
    """The API server refused a request; the text is the server's own."""

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        super().__init__(status.get("message") or f"the API server answered {code}")
        self.code = code
        self.details: Mapping[str, Any] = status.get("details") or {}

    @property
    def is_missing_namespace(self) -> bool:
        """Whether the object's namespace does not exist."""
        return self.code == 404 and self.details.get("kind") == "namespaces"

    @property
    def is_immutable(self) -> bool:
        """Whether the change is one that an object cannot undergo."""
        text = str(self)
        return self.code in (403, 422) and any(phrase in text for phrase in _IMMUTABLE)

    @property
    def fields(self) -> list[str]:
        """The fields that the refusal names."""
        return [cause["field"] for cause in self.details.get("causes") or [] if cause.get("field")]


@dataclass(frozen=True)
class Kind:
    """One resource type as the API server's discovery tells it."""

    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The URL path of one object, or of all without a name."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{quote(namespace or 'default')}" if self.namespaced else ""
        return f"{root}{scope}/{self.plural}" + (f"/{quote(name)}" if name else "")


class Api:
    """One API server; safe to use from many threads.

    Args:
        config: where it is and who asks.

    Raises:
        UnreachableError: the kubeconfig's certificates cannot be used. Its methods raise it too, and `ApiError`.
    """

    def __init__(self, config: Kubeconfig) -> None:
        try:
            transport = httpx.HTTPTransport(verify=config.trust(), retries=2)
        except KubeconfigError as problem:
            raise UnreachableError(problem) from problem
        self.namespace = config.namespace
        self._client = httpx.Client(
            base_url=config.server,
            auth=BearerToken(config.user),
            transport=transport,
            timeout=httpx.Timeout(35, connect=5),
        )
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def kind(self, api_version: str, kind: str) -> Kind:
        """The resource type of a kind; what is not known is asked for anew.

        Raises:
            UnknownKindError: the server does not serve it.
        """
        with self._lock:
            if (api_version, kind) not in self._kinds:
                root = "/apis/" if "/" in api_version else "/api/"
                listing = self._ask_or_none("GET", root + api_version) or {}
                for entry in listing.get("resources", []):
                    if "/" not in entry["name"]:
                        self._kinds[api_version, entry["kind"]] = Kind(api_version, entry["name"], entry["namespaced"])
            if (api_version, kind) not in self._kinds:
                raise UnknownKindError(api_version, kind)
            return self._kinds[api_version, kind]

    def kind_of(self, wanted: Mapping[str, Any]) -> Kind:
        """The resource type of an object."""
        return self.kind(wanted["apiVersion"], wanted["kind"])

    def get(self, wanted: Mapping[str, Any]) -> Object | None:
        """The live object of the same kind and name; None when there is none."""
        return self._ask_or_none("GET", self._path(wanted))

    def apply(self, wanted: Mapping[str, Any], manager: str, *, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply; the object as it is, or with a dry run as it would be."""
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        return self._ask(
            "PATCH",
            self._path(wanted),
            query={**query, "dryRun": "All"} if dry_run else query,
            content=json.dumps(wanted),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def delete(self, wanted: Mapping[str, Any], propagation: str) -> bool:
        """Asks for deletion; False when there is nothing to delete."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        path = self._path(wanted)
        headers = {"Content-Type": "application/json"}
        return self._ask_or_none("DELETE", path, content=json.dumps(body), headers=headers) is not None

    def list(self, api_version: str, kind: str, namespace: str, *, labels: str = "") -> list[Object]:
        """The objects of a kind in a namespace."""
        path = self.kind(api_version, kind).path(namespace)
        return list(self._ask("GET", path, query={"labelSelector": labels} if labels else None).get("items", []))

    def _path(self, wanted: Mapping[str, Any]) -> str:
        metadata = wanted["metadata"]
        return self.kind_of(wanted).path(metadata.get("namespace") or self.namespace, metadata["name"])

    def _ask_or_none(
        self, method: str, path: str, *, content: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Object | None:
        try:
            return self._ask(method, path, content=content, headers=headers)
        except ApiError as refusal:
            if refusal.code == 404:
                return None
            raise

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        for attempt in range(_TRIES):
            try:
                response = self._client.request(method, path, params=query, content=content, headers=headers)
            except (httpx.TransportError, CredentialError, OSError) as problem:
                raise UnreachableError(problem) from problem
            if response.status_code not in _BUSY or attempt == _TRIES - 1:
                break
            time.sleep(min(float(response.headers.get("Retry-After", 1)), 5))
        if response.is_success:
            return dict(response.json())
        try:
            status = response.json()
        except ValueError:
            status = {"message": response.text.strip()[:300]}
        if response.status_code == 401:
            raise UnreachableError("the API server has asked for the client to provide credentials (401)")
        raise ApiError(response.status_code, status)
