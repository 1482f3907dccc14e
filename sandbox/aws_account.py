"""The AWS account of the rehearsal: a moto server, and the webhook that tells Kubernetes who signed a token.

`python -m sandbox.aws_account --port P --state DIR --token-webhook-port Q`

Beside moto's own behaviour: what `providers/aws/corrections` corrects in it; identifiers follow the seed that a request
names, so that a restarted account can be given the same resources again; the material of KMS keys is kept in DIR/kms
(mode 0600, a rehearsal's secrets only).
Not simulated: IAM evaluation (every principal may do everything), signatures (moto checks none; those of Kubernetes
tokens are checked), EKS access policies (who has an access entry, and whoever made the cluster, is in
`system:masters`).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives import serialization

from components.catalog.regions import partition
from sandbox.providers.aws import corrections
from sandbox.token_review import ACCOUNT_ID, webhook_server

OPERATOR: Final = "cloister-operator"
"""A role that exists from the start; the rehearsal's settings name it as the cluster's administrator."""

_MOTO_NAMES: Final = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""Services that sign under another name than moto's module has."""

_SEED: Final = "HTTP_X_CLOISTER_SEED"
_STARTED: Final = str(uuid.uuid4())

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def seeded_randomness(seeds: threading.local) -> None:
    """Make moto's draws follow the seed of the thread's request; without one they stay random.

    Args:
        seeds: its `random` attribute is the request's generator.
    """
    from moto.core.base_backend import AccountSpecificBackend
    from moto.moto_api._internal import mock_random

    fallback = Random()

    def getrandbits(bits: int) -> int:
        generator: Random = getattr(seeds, "random", None) or fallback
        return generator.getrandbits(bits)

    def random() -> float:
        generator: Random = getattr(seeds, "random", None) or fallback
        return generator.random()

    make = AccountSpecificBackend.__getitem__

    def getitem(self: Any, region: str) -> Any:
        """A backend that is made meanwhile draws for itself, or the request's identifiers would follow from its age."""
        generator, seeds.random = getattr(seeds, "random", None), None
        try:
            return make(self, region)
        finally:
            seeds.random = generator

    setattr(AccountSpecificBackend, make.__name__, getitem)
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
    for name in ("sts", "iam", _MOTO_NAMES.get(service, service)):  # every request looks up who sent it
        regions = get_backend(name)[ACCOUNT_ID]
        for scope in set(regions.regions) & {region, partition(region).name, "aws", "global"}:
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


def moto_server(port: int, state: Path, region: str) -> Any:
    """Moto on loopback with the account's number, AWS's managed policies and prefix lists that repeat."""
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from moto.ec2.models import ec2_backends
    from moto.moto_api._internal import mock_random
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Moto answers thousands of requests in a rehearsal."""

    corrections.apply()
    _evaluate_no_policy()
    _add_operator(region)
    mock_random.seed(region)
    assert ec2_backends[ACCOUNT_ID][region].managed_prefix_lists  # made now, so that their identifiers repeat
    application = account_application(DomainDispatcherApplication(create_backend_app), state)
    return make_server("127.0.0.1", port, application, threaded=True, request_handler=Quiet)


def _evaluate_no_policy() -> None:
    """Moto reads bucket policies without their conditions, and so would deny what the conditions let through."""
    from moto.iam.access_control import IAMPolicy, PermissionResult

    IAMPolicy.is_action_permitted = lambda *_, **__: PermissionResult.NEUTRAL  # type: ignore[method-assign]


def _add_operator(region: str) -> None:
    """The one thing that a real account has before Cloister comes: the role of the people who run it."""
    from moto.iam.models import iam_backends

    name = partition(region).name
    principal = {"AWS": f"arn:{name}:iam::{ACCOUNT_ID}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    iam_backends[ACCOUNT_ID][name].create_role(
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
