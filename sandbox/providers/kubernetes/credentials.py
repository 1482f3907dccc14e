"""Who asks: a fixed token, or one from a kubeconfig's exec credential plugin, kept until it expires."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

_COMMAND_SECONDS = 60


class CredentialError(Exception):
    """No credential could be had; the message names the command and what it said."""


class BearerToken(httpx.Auth):
    """Sends a bearer token; when the server refuses one from a command, runs the command again, once.

    Args:
        user: the user's section of the kubeconfig.
    """

    def __init__(self, user: Mapping[str, Any]) -> None:
        self._user = user
        self._lock = threading.Lock()
        self._token: str | None = None
        self._expires: datetime | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx runs for every request."""
        token = self._current(refused=None)
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401 and self._user.get("exec"):
            request.headers["Authorization"] = f"Bearer {self._current(refused=token)}"
            yield request

    def _current(self, refused: str | None) -> str | None:
        if "exec" not in self._user:
            return _fixed_token(self._user)
        with self._lock:
            expired = self._expires is not None and self._expires <= datetime.now(UTC)
            if self._token is None or expired or self._token == refused:
                self._token, self._expires = run_credential_plugin(self._user["exec"])
            return self._token


def run_credential_plugin(plugin: Mapping[str, Any]) -> tuple[str, datetime | None]:
    """The token that an exec credential plugin prints, and when it expires.

    Args:
        plugin: the `exec` section: command, args, env, apiVersion.

    Raises:
        CredentialError: it cannot be run, fails, or prints something else.
    """
    version = plugin.get("apiVersion", "client.authentication.k8s.io/v1")
    command = [plugin["command"], *(plugin.get("args") or [])]
    request = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {entry["name"]: entry["value"] for entry in plugin.get("env") or []}
    shown = " ".join(command)
    try:
        result = subprocess.run(
            command,
            env={**os.environ, **environment, "KUBERNETES_EXEC_INFO": json.dumps(request)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
    except FileNotFoundError as problem:
        hint = plugin.get("installHint") or "install it or put its folder on PATH"
        raise CredentialError(f"exec: {command[0]} is not found; {hint}") from problem
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise CredentialError(f"exec: `{shown}` cannot be run: {problem}") from problem
    if result.returncode:
        said = result.stderr.strip().splitlines()[-3:]
        raise CredentialError(f"exec: `{shown}` ended with {result.returncode}: {' '.join(said) or 'no message'}")
    return _read_credential(result.stdout, version, shown)


def _read_credential(output: str, version: str, shown: str) -> tuple[str, datetime | None]:
    try:
        credential = json.loads(output)
        status = credential["status"]
        token, expires = str(status["token"]), status.get("expirationTimestamp")
        if (credential["kind"], credential["apiVersion"]) != ("ExecCredential", version):
            raise CredentialError(f"exec: `{shown}` printed {credential['apiVersion']}, the kubeconfig wants {version}")
        return token, datetime.fromisoformat(expires.replace("Z", "+00:00")) if expires else None
    except (ValueError, KeyError, TypeError, AttributeError) as problem:  # the output is a secret: never shown
        raise CredentialError(f"exec: `{shown}` did not print an ExecCredential with status.token") from problem


def _fixed_token(user: Mapping[str, Any]) -> str | None:
    if user.get("tokenFile"):
        return Path(user["tokenFile"]).read_text().strip()
    return user.get("token")
