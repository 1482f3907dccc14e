"""The AWS account of the rehearsal: a moto server, and the webhook that tells Kubernetes who signed a token.

`python -m sandbox.aws_account --port P --state DIR --token-webhook-port Q`

Beside moto's own behaviour: identifiers follow the seed that a request names, so that a restarted account can be given
the same resources again; the material of KMS keys is kept in DIR/kms (mode 0600, a rehearsal's secrets only).
Not simulated: IAM evaluation (every principal may do everything), signatures (moto checks none; those of Kubernetes
tokens are checked), EKS access policies (who has an access entry, and whoever made the cluster, is in
`system:masters`).
"""

from __future__ import annotations

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization

ACCOUNT_ID: Final = "111122223333"
SHARED_SECRET: Final = "rehearsal"
"""Secret of the access key in the environment of a rehearsal's programs; it opens nothing but this account."""

OPERATOR: Final = "cloister-operator"
"""A role that exists from the start; the rehearsal's settings name it as the cluster's administrator."""

_SEED: Final = "HTTP_X_CLOISTER_SEED"
_TOKEN_PREFIX: Final = "k8s-aws-v1."
_TOKEN_LIFETIME: Final = datetime.timedelta(minutes=15)
_STARTED: Final = str(uuid.uuid4())

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TokenError(Exception):
    """Why a token is refused."""


def seeded_randomness(seeds: threading.local) -> None:
    """Make moto's draws follow the seed of the thread's request; without one they stay random.

    Args:
        seeds: its `random` attribute is the request's generator.
    """
    from moto.moto_api._internal import mock_random

    fallback = Random()

    def getrandbits(bits: int) -> int:
        generator: Random = getattr(seeds, "random", None) or fallback
        return generator.getrandbits(bits)

    def random() -> float:
        generator: Random = getattr(seeds, "random", None) or fallback
        return generator.random()

    mock_random.getrandbits = getrandbits  # type: ignore[method-assign]
    mock_random.random = random  # type: ignore[method-assign]


def account_application(moto: Any, state: Path) -> Wsgi:
    """Moto behind two additions: seeds by request header, and the pages `/cloister/instance` and `/cloister/kms/…`."""
    seeds = threading.local()
    seeded_randomness(seeds)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith("/cloister/"):
            body = json.dumps(_page(path.removeprefix("/cloister/").split("/"), state)).encode()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        seeds.random = None
        if _SEED in environ:
            _warm_up(moto, environ)
            seeds.random = Random(environ[_SEED])
        answer: Iterable[bytes] = moto(environ, start_response)
        return answer

    return application


def _warm_up(moto: Any, environ: dict[str, Any]) -> None:
    """Load the service and make its backend before the seed counts: both draw identifiers of their own."""
    from moto.backends import get_backend

    moto.get_application(environ)
    _, _, region, service, _ = environ["HTTP_AUTHORIZATION"].split(",")[0].split()[1].split("/")
    for name in ("sts", "iam", service):  # every request looks up who sent it
        regions = get_backend(name)[ACCOUNT_ID]
        for scope in set(regions.regions) & {region, "aws", "global"}:
            assert regions[scope]


def _page(path: list[str], state: Path) -> dict[str, str]:
    if path == ["instance"]:
        return {"instance": _STARTED}
    if len(path) == 3 and path[0] == "kms":
        keep_key_material(path[1], path[2], state / "kms")
        return {"key": path[2]}
    return {"error": f"no page {'/'.join(path)}"}


def keep_key_material(region: str, key_id: str, folder: Path) -> None:
    """Give a key the material it had before a restart, or keep the new one's.

    Args:
        region: the key's region.
        key_id: of a key that moto holds.
        folder: `<key id>.pem` (private key) and `<key id>.bin` (symmetric material), readable by their owner only.
    """
    from moto.kms.models import kms_backends

    key: Any = kms_backends[ACCOUNT_ID][region].keys[key_id]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private, symmetric = folder / f"{key_id}.pem", folder / f"{key_id}.bin"
    if private.exists():
        key.private_key.private_key = serialization.load_pem_private_key(private.read_bytes(), password=None)
        key.key_material = symmetric.read_bytes()
        return
    pem = key.private_key.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file, content in ((symmetric, key.key_material), (private, pem)):
        file.touch(mode=0o600)
        file.write_bytes(content)


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


def moto_server(port: int, state: Path, region: str) -> Any:
    """Moto on loopback with the account's number, AWS's managed policies and prefix lists that repeat."""
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT_ID
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from moto.ec2.models import ec2_backends
    from moto.moto_api._internal import mock_random
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Moto answers thousands of requests in a rehearsal."""

    _evaluate_no_policy()
    _add_operator()
    mock_random.seed(region)
    assert ec2_backends[ACCOUNT_ID][region].managed_prefix_lists  # made now, so that their identifiers repeat
    application = account_application(DomainDispatcherApplication(create_backend_app), state)
    return make_server("127.0.0.1", port, application, threaded=True, request_handler=Quiet)


def _evaluate_no_policy() -> None:
    """Moto reads bucket policies without their conditions, and so would deny what the conditions let through."""
    from moto.iam.access_control import IAMPolicy, PermissionResult

    IAMPolicy.is_action_permitted = lambda *_, **__: PermissionResult.NEUTRAL  # type: ignore[method-assign]


def _add_operator() -> None:
    """The one thing that a real account has before Cloister comes: the role of the people who run it."""
    from moto.iam.models import iam_backends

    principal = {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    iam_backends[ACCOUNT_ID]["aws"].create_role(
        role_name=OPERATOR,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        path="/",
        permissions_boundary=None,
        description="People who run the rehearsal",
        tags=[],
        max_session_duration="3600",
    )


def main() -> None:
    """Serve the account until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True, help="of moto, on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="folder of resources.json and kms/")
    parser.add_argument("--token-webhook-port", type=int, help="of the TokenReview webhook, on 127.0.0.1")
    parser.add_argument("--cluster", help="the only cluster whose tokens are accepted")
    parser.add_argument("--region", default="eu-central-1")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    moto = moto_server(options.port, options.state, options.region)
    threading.Thread(target=moto.serve_forever, daemon=True).start()
    print(f"AWS account {ACCOUNT_ID} answers on http://127.0.0.1:{moto.port}", flush=True)
    if options.token_webhook_port:
        webhook = webhook_server(
            options.token_webhook_port, options.cluster, f"http://127.0.0.1:{moto.port}", options.state
        )
        threading.Thread(target=webhook.serve_forever, daemon=True).start()
        print(f"token webhook on http://127.0.0.1:{options.token_webhook_port}/", flush=True)
    ended.wait()
    moto.shutdown()


if __name__ == "__main__":
    main()
