"""Who signed a token for Kubernetes: what EKS's authenticator does, asked by kube-apiserver as a webhook."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import httpx

ACCOUNT_ID: Final = "111122223333"
SHARED_SECRET: Final = "rehearsal"
"""Secret of the access key in the environment of a rehearsal's programs; it opens nothing but this account."""

_TOKEN_PREFIX: Final = "k8s-aws-v1."
_TOKEN_LIFETIME: Final = datetime.timedelta(minutes=15)


class TokenError(Exception):
    """Why a token is refused."""


def review(token: str, cluster: str | None, endpoint: str, state: Path) -> dict[str, Any]:
    """Who signed the token, as the `status` of a Kubernetes TokenReview.

    Args:
        token: `k8s-aws-v1.` and the base64url of a presigned STS GetCallerIdentity URL.
        cluster: the only cluster it may be meant for; None accepts every kept cluster.
        endpoint: moto's address.
        state: the folder of `resources.json`, which holds the access entries.
    """
    try:
        host, query = _checked_url(token, endpoint)
        clusters = {cluster} if cluster else _kept(state, "aws:eks/cluster:Cluster", "name")
        name = next((candidate for candidate in sorted(clusters) if _is_signed_for(candidate, host, query)), "")
        if not name:
            raise TokenError(f"it is not signed for cluster {' or '.join(sorted(clusters)) or 'any: there is none'}")
        headers = {"x-k8s-aws-id": name, "Authorization": _credential(query)}
        answer = httpx.get(
            endpoint, params={key: values[0] for key, values in query.items()}, headers=headers, timeout=10
        )
        if answer.status_code != 200:
            raise TokenError(f"STS answered {answer.status_code}")
        arn = answer.text.split("<Arn>")[1].split("</Arn>")[0]
        return _user(arn, name, state)
    except TokenError as error:
        return {"authenticated": False, "error": f"token refused: {error}"}


def _checked_url(token: str, endpoint: str) -> tuple[str, dict[str, list[str]]]:
    """The URL's host and parameters, after every check that needs neither the cluster's name nor STS."""
    if not token.startswith(_TOKEN_PREFIX):
        raise TokenError(f"it does not begin with {_TOKEN_PREFIX}")
    encoded = token.removeprefix(_TOKEN_PREFIX)
    try:
        url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except ValueError as error:
        raise TokenError(f"it is not base64url of a URL ({error})") from None
    labels = (url.hostname or "").split(".")
    genuine = (
        url.scheme == "https" and labels[0] == "sts" and ".".join(labels[-2:]) in ("amazonaws.com", "amazonaws.eu")
    )
    if not genuine and url.netloc != urlsplit(endpoint).netloc:
        raise TokenError(f"'{url.netloc}' is not an STS endpoint")
    query = parse_qs(url.query)
    values = {key.lower(): items[0] for key, items in query.items()}
    if values.get("action") != "GetCallerIdentity":
        raise TokenError("it does not call GetCallerIdentity")
    if "x-k8s-aws-id" not in values.get("x-amz-signedheaders", "").split(";"):
        raise TokenError("the header x-k8s-aws-id is not signed")
    _check_age(values)
    return url.netloc, query


def _is_signed_for(cluster: str, host: str, query: Mapping[str, list[str]]) -> bool:
    """Whether the signature covers the header `x-k8s-aws-id: <cluster>`; the URL itself does not name the cluster.

    Source: IAM User Guide, "Create a signed AWS API request" (Signature Version 4 in query parameters).
    """
    values = {key: items[0] for key, items in query.items()}
    signature = values.pop("X-Amz-Signature", "")
    access_key, day, region, service, end = (values.get("X-Amz-Credential", "") + "////").split("/")[:5]
    pairs = sorted((quote(key, safe="-_.~"), quote(value, safe="-_.~")) for key, value in values.items())
    canonical = "\n".join(
        [
            "GET",
            "/",
            "&".join(f"{key}={value}" for key, value in pairs),
            f"host:{host}\nx-k8s-aws-id:{cluster}\n",
            values.get("X-Amz-SignedHeaders", ""),
            hashlib.sha256(b"").hexdigest(),
        ]
    )
    scope = f"{day}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{values.get('X-Amz-Date', '')}\n{scope}\n{digest}"
    key = f"AWS4{_secret_of(access_key)}".encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature)


def _secret_of(access_key: str) -> str:
    """The secret of an access key: of moto's sessions and users, or the one that the rehearsal's programs share."""
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    sessions: list[Any] = list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles)
    keys: list[Any] = list(iam_backends[ACCOUNT_ID]["aws"].access_keys.values())
    secrets = {session.access_key_id: session.secret_access_key for session in sessions}
    secrets |= {key.access_key_id: key.secret_access_key for key in keys}
    return str(secrets.get(access_key, SHARED_SECRET))


def _check_age(values: Mapping[str, str]) -> None:
    try:
        signed = datetime.datetime.strptime(values.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        lifetime = datetime.timedelta(seconds=int(values.get("x-amz-expires", "")))
    except ValueError:
        raise TokenError("X-Amz-Date or X-Amz-Expires is missing") from None
    age = datetime.datetime.now(datetime.UTC) - signed
    if lifetime > _TOKEN_LIFETIME or not -datetime.timedelta(minutes=5) < age < _TOKEN_LIFETIME:
        raise TokenError(f"it was signed {age} ago; 15 minutes are accepted")


def _credential(query: Mapping[str, list[str]]) -> str:
    """Moto reads the service and the caller from an Authorization header; a presigned URL has them in its query."""
    value = next((items[0] for key, items in query.items() if key.lower() == "x-amz-credential"), "")
    return f"AWS4-HMAC-SHA256 Credential={value}, SignedHeaders=host, Signature=0"


def _user(arn: str, cluster: str, state: Path) -> dict[str, Any]:
    """The user of an ARN: whoever made the cluster, or who has an access entry of it."""
    principal = arn.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")
    if ":role/" in principal:
        principal = principal.rsplit("/", 1)[0]
    entries = [
        entry for entry in _resources(state, "aws:eks/accessEntry:AccessEntry") if entry["clusterName"] == cluster
    ]
    own = next((entry for entry in entries if entry["principalArn"] == principal), None)
    # Moto gives callers without an IAM identity the name "moto": the one who runs the rehearsal and made the cluster.
    if own is None and not principal.endswith((":user/moto", ":root")):
        raise TokenError(f"{arn} has no access entry of cluster '{cluster}'")
    groups = list((own or {}).get("kubernetesGroups") or [])
    extra = {"arn": [arn], "accessKeyId": ["rehearsal"]}
    user = {"username": (own or {}).get("userName") or arn, "groups": ["system:masters", *groups], "extra": extra}
    return {"authenticated": True, "user": user}


def _kept(state: Path, type_token: str, name: str) -> set[str]:
    return {str(inputs[name]) for inputs in _resources(state, type_token)}


def _resources(state: Path, type_token: str) -> list[dict[str, Any]]:
    path = state / "resources.json"
    content = json.loads(path.read_text()) if path.exists() else {"resources": []}
    return [entry["inputs"] for entry in content["resources"] if entry["type"] == type_token]


def webhook_server(port: int, cluster: str | None, endpoint: str, state: Path) -> ThreadingHTTPServer:
    """The TokenReview webhook on loopback, for kube-apiserver's `--authentication-token-webhook-config-file`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = review(str(request.get("spec", {}).get("token", "")), cluster, endpoint, state)
            body = json.dumps(
                {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the webhook is asked all the time."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
