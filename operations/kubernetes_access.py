"""Calls of a Kubernetes API server, with the address and the credentials of a kubeconfig document."""

import base64
import json
import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from operations.errors import CommandError

SECONDS: Final = 30


@dataclass(frozen=True)
class ApiServer:
    """A connection to one API server."""

    server: str
    client: httpx.Client

    def get(self, path: str) -> dict[str, Any]:
        """One object or list.

        Raises:
            CommandError: the server cannot be reached, or refuses.
        """
        found: dict[str, Any] = self._ask("GET", path).json()
        return found

    def merge_patch(self, path: str, patch: Mapping[str, Any]) -> None:
        """Merge a document into one object.

        Raises:
            CommandError: the server cannot be reached, or refuses.
        """
        self._ask("PATCH", path, json.dumps(patch).encode())

    def _ask(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        headers = {"content-type": "application/merge-patch+json"} if content else {}
        try:
            answer = self.client.request(method, f"{self.server}{path}", content=content, headers=headers)
        except httpx.HTTPError as error:
            raise CommandError(
                f"cannot reach the cluster at {self.server}: {error}; run this inside its network"
            ) from None
        if answer.status_code >= 400:
            raise CommandError(f"{method} {self.server}{path}: {answer.status_code}: {_message(answer)}")
        return answer


@contextmanager
def api_server(kubeconfig: Mapping[str, Any]) -> Iterator[ApiServer]:
    """The API server of a kubeconfig document's current context, with that context's credentials.

    Raises:
        CommandError: the document names no server that can be checked, or no credentials.
    """
    cluster, user = _current(kubeconfig)
    headers = {"authorization": f"Bearer {_bearer(user)}"}
    with httpx.Client(headers=headers, verify=_trust(cluster), timeout=SECONDS, trust_env=False) as client:
        yield ApiServer(str(cluster["server"]).rstrip("/"), client)


def _current(kubeconfig: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    def named(section: str, entry: str, name: str) -> Mapping[str, Any]:
        for found in kubeconfig.get(section, ()):
            if found.get("name") == name:
                content: Mapping[str, Any] = found[entry]
                return content
        raise CommandError(f"kubeconfig: {section} has no entry {name!r}")

    context = named("contexts", "context", str(kubeconfig.get("current-context", "")))
    return named("clusters", "cluster", context["cluster"]), named("users", "user", context["user"])


def _trust(cluster: Mapping[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    if not authority:
        raise CommandError("kubeconfig: the cluster has no certificate-authority-data; the server could not be checked")
    return ssl.create_default_context(cadata=base64.b64decode(authority).decode())


def _bearer(user: Mapping[str, Any]) -> str:
    if "token" in user:
        return str(user["token"])
    plugin = user.get("exec")
    if not plugin:
        raise CommandError("kubeconfig: the user has neither a token nor an exec plugin")
    command = [plugin["command"], *(plugin.get("args") or ())]
    environment = os.environ | {entry["name"]: entry["value"] for entry in plugin.get("env") or ()}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=True)
    except FileNotFoundError:
        raise CommandError(f"kubeconfig: the exec plugin {command[0]!r} is not on PATH") from None
    except subprocess.CalledProcessError as error:
        raise CommandError(f"kubeconfig: {command[0]!r} failed: {' '.join(error.stderr.split())}") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"kubeconfig: {command[0]!r} did not answer within {SECONDS} s") from None
    return str(json.loads(done.stdout)["status"]["token"])


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
