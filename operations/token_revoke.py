"""Revoke one token or all tokens of a client, and hand the new list to the gateways that run."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from components.gateway.configuration import REVOCATION_FILE, revocation_file
from operations.errors import CommandError
from operations.kubernetes_access import api_server
from operations.token_records import LONGEST_TOKEN, Revocation, find_token, keep_revocation, revocations_in_force

Kind = Literal["token", "client"]
GATEWAY_PODS: Final = "app.kubernetes.io/name=gateway"


@dataclass(frozen=True, kw_only=True)
class FolderTarget:
    """The folder on a host that its gateway watches (`revocation_folder`)."""

    folder: Path


@dataclass(frozen=True, kw_only=True)
class ConfigMapTarget:
    """The ConfigMap that a cluster's gateways mount at `revocation_folder`, and a kubeconfig document to reach it."""

    kubeconfig: Mapping[str, Any] = field(repr=False)
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
    """Record the refusal of one token or one client, and return the complete text of `revocation.json`.

    A token without a record can be revoked, too. A client stays refused until the longest token that it can hold has
    expired; it gets no new one meanwhile.

    Raises:
        CommandError: neither or both are given, the token has expired, or the text is not an id.
    """
    if (jti is None) == (client is None):
        raise CommandError("give either a token's id (jti) or a client to revoke")
    kind: Kind = "token" if jti is not None else "client"
    name = jti if jti is not None else client or ""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name):
        raise CommandError(f"{name[:64]!r} is no id of a {kind}; give the id alone, never the token itself")
    until = now + LONGEST_TOKEN
    record = find_token(name, audit_bucket=audit_bucket, s3=s3) if kind == "token" else None
    if record:
        if record.expires_at <= now:
            raise CommandError(f"token {name!r} expired on {record.expires_at.isoformat()}; there is nothing to revoke")
        until = record.expires_at
    revocation = Revocation(kind=kind, id=name, reason=reason, revoked_at=now, until=until)
    keep_revocation(revocation, audit_bucket=audit_bucket, s3=s3)
    return revocations(audit_bucket=audit_bucket, s3=s3, now=now)


def revocations(*, audit_bucket: str, s3: Any, now: datetime) -> str:
    """The complete text of `revocation.json` from what the bucket knows, to bring a gateway up to date."""
    found = revocations_in_force(audit_bucket=audit_bucket, s3=s3, now=now)
    return revocation_file(
        [revocation.id for revocation in found if revocation.kind == "token"],
        [revocation.id for revocation in found if revocation.kind == "client"],
    )


def publish_revocations(target: FolderTarget | ConfigMapTarget, text: str) -> None:
    """Put the text where gateways watch it.

    Raises:
        CommandError: there is no such folder, or the cluster refuses.
    """
    if isinstance(target, ConfigMapTarget):
        _to_config_map(target, text)
    else:
        _to_folder(target.folder, text)


def _to_config_map(target: ConfigMapTarget, text: str) -> None:
    namespace = f"/api/v1/namespaces/{target.namespace}"
    digest = {"cloister/revocation-sha256": hashlib.sha256(text.encode()).hexdigest()}
    with api_server(target.kubeconfig) as api:
        api.merge_patch(f"{namespace}/configmaps/{target.name}", {"data": {REVOCATION_FILE: text}})
        # A kubelet looks at a pod's ConfigMaps about once a minute, and at once if the pod's annotations change.
        for pod in api.get(f"{namespace}/pods?labelSelector={quote(GATEWAY_PODS)}")["items"]:
            name = pod["metadata"]["name"]
            api.merge_patch(f"{namespace}/pods/{name}", {"metadata": {"annotations": digest}})


def _to_folder(folder: Path, text: str) -> None:
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder; is the gateway deployed on this host?")
    # Envoy reacts to a rename into the folder, and reads the file once: it must be complete by then.
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".revocation-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(temporary).replace(folder / REVOCATION_FILE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
