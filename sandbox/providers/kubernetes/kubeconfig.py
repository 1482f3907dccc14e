"""What a kubeconfig says: where the API server is, whom to trust, and who asks."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(Exception):
    """The kubeconfig cannot be used; the message says which part."""


@dataclass(frozen=True)
class Kubeconfig:
    """One context of a kubeconfig.

    Args:
        server: the API server's URL.
        namespace: of objects that name none.
        cluster: the cluster's section.
        user: the user's section.
    """

    server: str
    namespace: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]

    def trust(self) -> ssl.SSLContext:
        """The TLS settings: the cluster's authority, and the user's certificate if there is one.

        Raises:
            KubeconfigError: a certificate cannot be read.
        """
        if self.cluster.get("insecure-skip-tls-verify"):
            raise KubeconfigError("insecure-skip-tls-verify is refused; give certificate-authority-data")
        try:
            authority = _content(self.cluster, "certificate-authority")
            context = ssl.create_default_context(cadata=authority.decode() if authority else None)
            certificate, key = _content(self.user, "client-certificate"), _content(self.user, "client-key")
            if certificate and key:
                with tempfile.TemporaryDirectory() as folder:  # the ssl module only reads files
                    chain = Path(folder) / "client.pem"
                    chain.touch(mode=0o600)
                    chain.write_bytes(certificate + b"\n" + key)
                    context.load_cert_chain(chain)
        except (OSError, ValueError) as problem:
            raise KubeconfigError(f"a certificate of the kubeconfig cannot be read: {problem}") from problem
        return context


def load_kubeconfig(text: str | None, *, context: str | None = None, cluster: str | None = None) -> Kubeconfig:
    """The chosen context of a kubeconfig.

    Args:
        text: the document itself or its path; by default the file that KUBECONFIG names.
        context: the context's name, by default the current one.
        cluster: the cluster's name, by default the context's.

    Raises:
        KubeconfigError: it cannot be read or lacks something.
    """
    document = _document(text or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config"))
    chosen = context or document.get("current-context")
    if not chosen:
        raise KubeconfigError("the kubeconfig has no current-context")
    section = _named(document, "context", chosen)
    where = _named(document, "cluster", cluster or section.get("cluster"))
    if not str(where.get("server", "")).startswith("https://"):
        raise KubeconfigError(f"cluster.server is {where.get('server')!r}; it must be an https:// URL")
    user = _named(document, "user", section["user"]) if section.get("user") else {}
    return Kubeconfig(where["server"].rstrip("/"), section.get("namespace") or "default", where, user)


def _document(text: str) -> dict[str, Any]:
    try:
        content = text if "\n" in text or text.lstrip().startswith("{") else Path(text).read_text()
        document = yaml.safe_load(content)
    except (OSError, yaml.YAMLError) as problem:
        raise KubeconfigError(f"the kubeconfig cannot be read: {problem}") from problem
    if not isinstance(document, dict):
        raise KubeconfigError("the kubeconfig is not a mapping")
    return document


def _named(document: Mapping[str, Any], kind: str, name: str | None) -> dict[str, Any]:
    entries = document.get(f"{kind}s") or []
    for entry in entries:
        if entry.get("name") == name:
            return dict(entry.get(kind) or {})
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise KubeconfigError(f"the kubeconfig has no {kind} {name!r}; it has {known}")


def _content(section: Mapping[str, Any], key: str) -> bytes | None:
    if data := section.get(f"{key}-data"):
        return base64.b64decode(data)
    return Path(section[key]).read_bytes() if section.get(key) else None
