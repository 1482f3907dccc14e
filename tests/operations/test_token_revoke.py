import base64
import datetime
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from components.gateway.configuration import revocation_file
from operations.errors import CommandError
from operations.token_list import list_tokens
from operations.token_revoke import ConfigMapTarget, FolderTarget, publish_revocations, revocations, revoke
from tests.operations.token_estate import BUCKET, NOW, Account, account


@pytest.fixture(scope="module")
def kept() -> Iterator[Account]:
    with account() as found:
        yield found


@pytest.fixture
def aws(kept: Account) -> Account:
    kept.empty()
    return kept


def states(aws: Account, now: datetime.datetime, client: str | None = None) -> dict[str, str]:
    return {
        token.record.jti: token.state for token in list_tokens(audit_bucket=BUCKET, s3=aws.s3, now=now, client=client)
    }


def test_tokens_are_listed_newest_first_with_their_state(aws: Account) -> None:
    old = aws.issue(now=NOW - timedelta(hours=9)).record.jti
    bad = aws.issue(now=NOW - timedelta(hours=2)).record.jti
    new = aws.issue(client="reports", now=NOW - timedelta(hours=1)).record.jti
    revoke(jti=bad, reason="pasted into a ticket", audit_bucket=BUCKET, s3=aws.s3, now=NOW)
    assert list(states(aws, NOW).items()) == [(new, "valid"), (bad, "revoked"), (old, "expired")]
    assert states(aws, NOW, "reports") == {new: "valid"}


def test_all_tokens_of_a_revoked_client_are_listed_as_revoked(aws: Account) -> None:
    mine, other = aws.issue().record.jti, aws.issue(client="reports").record.jti
    revoke(client="demo", reason="left", audit_bucket=BUCKET, s3=aws.s3, now=NOW)
    assert states(aws, NOW) == {mine: "revoked", other: "valid"}


def test_the_text_for_gateways_is_complete_and_forgets_what_has_expired(aws: Account) -> None:
    short = aws.issue(hours=1).record.jti
    long = aws.issue(hours=8).record.jti
    where: dict[str, Any] = {"audit_bucket": BUCKET, "s3": aws.s3}
    assert revoke(jti=short, reason="a", now=NOW, **where) == revocation_file([short], [])
    assert revoke(jti=long, reason="b", now=NOW, **where) == revocation_file([short, long], [])
    assert revoke(client="reports", reason="c", now=NOW, **where) == revocation_file([short, long], ["reports"])
    assert revocations(now=NOW + timedelta(hours=2), **where) == revocation_file([long], ["reports"])
    assert revocations(now=NOW + timedelta(days=91), **where) == revocation_file([], [])


def test_the_reason_stays_in_the_audit_bucket(aws: Account) -> None:
    jti = aws.issue().record.jti
    revoke(jti=jti, reason="pasted into a ticket", audit_bucket=BUCKET, s3=aws.s3, now=NOW)
    record = json.loads(aws.objects()[f"revocations/tokens/{jti}.json"])
    assert (record["reason"], record["revoked_at"]) == ("pasted into a ticket", "2026-11-21T12:00:00Z")


def test_a_token_without_a_record_can_be_revoked_for_as_long_as_it_can_live(aws: Account) -> None:
    jti = "3c7b4f0a-0000-4000-8000-000000000000"
    where: dict[str, Any] = {"audit_bucket": BUCKET, "s3": aws.s3}
    assert revoke(jti=jti, reason="found", now=NOW, **where) == revocation_file([jti], [])
    assert revocations(now=NOW + timedelta(days=89), **where) == revocation_file([jti], [])


@pytest.mark.parametrize(
    ("what", "problem"),
    [
        ({}, "give either"),
        ({"jti": "a", "client": "b"}, "give either"),
        ({"jti": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"}, "never the token itself"),
        ({"jti": ""}, "is no id of a token"),
        ({"client": "../x"}, "is no id of a client"),
    ],
)
def test_what_is_no_id_is_refused_and_leaves_no_trace(aws: Account, what: dict[str, str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        revoke(reason="x", audit_bucket=BUCKET, s3=aws.s3, now=NOW, **what)
    assert aws.objects() == {}


def test_an_expired_token_needs_no_revocation(aws: Account) -> None:
    jti = aws.issue(hours=1).record.jti
    with pytest.raises(CommandError, match="expired on 2026-11-21T13:00:00"):
        revoke(jti=jti, reason="x", audit_bucket=BUCKET, s3=aws.s3, now=NOW + timedelta(hours=2))


def test_a_folder_gets_the_file_by_a_rename(tmp_path: Path) -> None:
    target = FolderTarget(folder=tmp_path)
    publish_revocations(target, "one")
    before = (tmp_path / "revocation.json").stat().st_ino
    publish_revocations(target, "two")
    after = (tmp_path / "revocation.json").stat()
    assert (tmp_path / "revocation.json").read_text() == "two"
    assert after.st_ino != before
    assert after.st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["revocation.json"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a folder; is the gateway deployed"):
        publish_revocations(FolderTarget(folder=tmp_path / "missing"), "text")


class StubApiServer:
    """An API server that knows one ConfigMap and one bearer."""

    def __init__(self, folder: Path) -> None:
        self.authority = self._certificate(folder)
        self.seen: list[tuple[str, str, Any]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self.answer({"items": [{"metadata": {"name": "gateway-1"}}, {"metadata": {"name": "gateway-2"}}]})

            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                api.seen.append((self.path, self.headers["content-type"], body))
                self.answer({})

            def answer(self, found: dict[str, Any]) -> None:
                good = self.headers["authorization"] == "Bearer from-plugin"
                answer = json.dumps(found if good else {"message": "configmaps is forbidden"}).encode()
                self.send_response(200 if good else 403)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @staticmethod
    def _certificate(folder: Path) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        built = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, SHA256())
        )
        pem = built.public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "server.pem").write_bytes(secret + pem)
        return pem


@pytest.fixture
def api(tmp_path: Path) -> Iterator[StubApiServer]:
    server = StubApiServer(tmp_path)
    yield server
    server.server.shutdown()
    server.server.server_close()


def kubeconfig(api: StubApiServer, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    authority = base64.b64encode(api.authority).decode()
    content = {"server": api.url, "certificate-authority-data": authority} | cluster
    return {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": content}],
        "users": [{"name": "u", "user": user}],
    }


def plugin(script: str) -> dict[str, Any]:
    return {"exec": {"command": sys.executable, "args": ["-c", script], "env": [{"name": "T", "value": "from-plugin"}]}}


CREDENTIAL = "import json, os; print(json.dumps({'status': {'token': os.environ['T']}}))"


def test_a_config_map_is_patched_with_the_credentials_of_the_kubeconfigs_plugin(api: StubApiServer) -> None:
    document = kubeconfig(api, plugin(CREDENTIAL))
    publish_revocations(ConfigMapTarget(kubeconfig=document, namespace="inference", name="gateway-revocation"), "text")
    (path, kind, patch), *pods = api.seen
    assert path == "/api/v1/namespaces/inference/configmaps/gateway-revocation"
    assert (kind, patch) == ("application/merge-patch+json", {"data": {"revocation.json": "text"}})
    assert [path for path, _, _ in pods] == [f"/api/v1/namespaces/inference/pods/gateway-{number}" for number in (1, 2)]
    assert all("cloister/revocation-sha256" in patch["metadata"]["annotations"] for _, _, patch in pods)


def publish(document: dict[str, Any]) -> str:
    with pytest.raises(CommandError) as raised:
        publish_revocations(ConfigMapTarget(kubeconfig=document, namespace="inference", name="x"), "text")
    return str(raised.value)


def test_a_refusal_of_the_cluster_is_told(api: StubApiServer) -> None:
    assert publish(kubeconfig(api, {"token": "wrong"})).endswith("403: configmaps is forbidden")


def test_a_cluster_that_cannot_be_trusted_gets_no_credentials(api: StubApiServer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = base64.b64encode(StubApiServer._certificate(tmp_path / "other")).decode()
    untrusted = kubeconfig(api, {"token": "from-plugin"}, **{"certificate-authority-data": other})
    assert "cannot reach the cluster" in publish(untrusted)
    assert "could not be checked" in publish(kubeconfig(api, {"token": "x"}, **{"certificate-authority-data": ""}))
    assert api.seen == []


def test_a_plugin_that_fails_is_named(api: StubApiServer) -> None:
    assert "failed: no role" in publish(kubeconfig(api, plugin("import sys; sys.exit('no role')")))
    missing = {"exec": {"command": "no-such-plugin"}}
    assert "'no-such-plugin' is not on PATH" in publish(kubeconfig(api, missing))
    assert "neither a token nor an exec plugin" in publish(kubeconfig(api, {}))
