"""A container's health check, made from outside."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence

from sandbox.providers.serve import ProviderError

_URL = re.compile(r"https?://[^\s'\"]+")
_SECONDS = 5


def check(test: Sequence[str], environment: Mapping[str, str]) -> Callable[[], bool]:
    """The question whether a container is healthy now; a check with a URL is asked here, as hosts may lack curl.

    Args:
        test: Docker's form, already translated: "CMD" and a command, or "CMD-SHELL" and a line.
        environment: the container's.

    Raises:
        ProviderError: the check needs a program that this host does not have.
    """
    kind, *command = test
    url = _URL.search(" ".join(command))
    if url:
        return lambda: _answers(url[0])
    if kind == "CMD-SHELL":
        command = ["/bin/sh", "-c", *command]
    if kind not in ("CMD", "CMD-SHELL") or not command or shutil.which(command[0]) is None:
        raise ProviderError(f"health check {list(test)}: this host cannot run it; use CMD with a program or a URL")
    return lambda: _succeeds(command, environment)


def _succeeds(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    try:
        return subprocess.run(command, env=dict(environment), capture_output=True, timeout=_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _answers(url: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False  # as `curl --insecure`: the question is whether it serves, not who it is
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            return 200 <= int(answer.status) < 400
    except (OSError, ValueError):  # refused, reset, refused by status, no HTTP at all
        return False
