"""Revoke one token or all tokens of a client, and hand the new list to the gateways."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class FolderTarget:
    """The folder on a host that its gateway watches (`revocation_folder`)."""

    folder: Path


@dataclass(frozen=True, kw_only=True)
class ConfigMapTarget:
    """The ConfigMap that the cluster's gateways mount at `revocation_folder`; `kubeconfig` is the document as a mapping."""

    kubeconfig: dict[str, Any]
    namespace: str
    name: str


def revoke(
    *,
    jti: str | None = None,
    client: str | None = None,
    reason: str,
    audit_bucket: str,
    s3: Any,
    now: datetime,
) -> str:
    """Record the refusal of one token or one client, and return the complete text of `revocation.json`."""
    raise NotImplementedError


def revocations(*, audit_bucket: str, s3: Any, now: datetime) -> str:
    """The complete text of `revocation.json` from what the bucket knows, to bring a new gateway up to date."""
    raise NotImplementedError


def publish_revocations(target: FolderTarget | ConfigMapTarget, text: str) -> None:
    """Put the text where the gateway watches it; the swap is atomic."""
    raise NotImplementedError
