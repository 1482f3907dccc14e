"""What happens when files change, are broken, or a part fails: asked of gateways of their own."""

import datetime
import json
import random
import ssl
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from components.gateway.configuration import (
    REVOCATION_FILE,
    GatewayPlan,
    Tls,
    Upstream,
    arguments,
    body,
    bootstrap,
    inlined,
    revocation_file,
)
from operations.token_revoke import FolderTarget, publish_revocations, revoke
from tests.gateway.conftest import Estate
from tests.gateway.harness import (
    CHAT,
    CLIENTS,
    ENVOY,
    TIERS,
    client,
    eventually,
    free_ports,
    plan_of,
    read_answer,
    request,
    running,
    upstream,
    write,
)
from tests.gateway.stub_engine import StubEngine
from tests.operations import token_estate
from tests.operations.local_key import LocalKey
from tests.operations.token_estate import account

pytestmark = pytest.mark.servers

KUBERNETES = Upstream(addresses=(("llama-engine.inference.svc.cluster.local", 8000),))
EDGE = Upstream(addresses=(("llama.engine.cloister.internal", 8000),))
STATIC = Upstream(addresses=(("127.0.0.1", 8000), ("127.0.0.2", 8000)), resolution="static")


def certificate(folder: Path, name: str) -> str:
    """A self-signed certificate and its key, put in place as one would rotate them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    folder.mkdir(exist_ok=True)
    pem = built.public_bytes(Encoding.PEM)
    for file, content in (
        ("tls.crt", pem),
        ("tls.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
    ):
        (folder / f".{file}").write_bytes(content)
        (folder / f".{file}").replace(folder / file)
    return pem.decode()


@pytest.mark.parametrize("variant", ["kubernetes", "edge", "static", "tls", "nothing served", "no clients"])
def test_envoy_accepts_the_whole_configuration(tmp_path: Path, variant: str) -> None:
    upstreams = {"kubernetes": KUBERNETES, "static": STATIC}.get(variant, EDGE)
    plan = plan_of(LocalKey(), {} if variant == "nothing served" else {"llama": upstreams}, tmp_path)
    if variant == "no clients":
        plan = replace(plan, clients={})
    if variant == "tls":
        certificate(tmp_path / "tls", "gateway")
        plan = replace(plan, tls=Tls(folder=str(tmp_path / "tls")))
    (tmp_path / "whole.json").write_text(json.dumps(inlined(plan)))
    command = [str(ENVOY), "--mode", "validate", *arguments(str(tmp_path / "whole.json"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Deprecated" not in done.stderr


def test_a_scanner_that_fails_lets_nothing_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = body.scanner_source().replace("local length = ", "error('broken')\n  local length = ")
    monkeypatch.setattr(body, "scanner_source", lambda: broken)
    key = LocalKey()
    with (
        StubEngine() as engine,
        running(plan_of(key, {"llama": upstream(engine.port)}, tmp_path), tmp_path, key) as gateway,
    ):
        assert gateway.post(gateway.token()).error == (500, "internal_error")
        assert engine.seen == []


@pytest.mark.parametrize("file", ["token", "client", REVOCATION_FILE, "body", "model", "request_limit", "token_limit"])
def test_a_filter_whose_file_is_broken_at_the_start_lets_nothing_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    import tests.gateway.harness as harness

    key = LocalKey()

    def spoil(plan: GatewayPlan) -> None:
        write(plan)
        folder = plan.revocation_folder if file == REVOCATION_FILE else plan.configuration_folder
        path = Path(folder, file if file == REVOCATION_FILE else f"{file}.json")
        document = json.loads(path.read_text())
        document["resources"][0]["typed_config"]["no_such_field"] = 1
        path.write_text(json.dumps(document))

    monkeypatch.setattr(harness, "write", spoil)
    with (
        StubEngine() as engine,
        running(plan_of(key, {"llama": upstream(engine.port)}, tmp_path), tmp_path, key) as gateway,
    ):
        for token in (gateway.token(), None):
            assert gateway.post(token).status >= 400
        assert engine.seen == []


def test_envoy_does_not_start_without_a_revocation_file(tmp_path: Path) -> None:
    plan = plan_of(LocalKey(), {"llama": STATIC}, tmp_path)
    write(plan)
    Path(plan.revocation_folder, REVOCATION_FILE).unlink()
    (tmp_path / "envoy.json").write_text(json.dumps(bootstrap(replace(plan, listen_port=0, metrics_port=0))))
    command = [str(ENVOY), *arguments(str(tmp_path / "envoy.json"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert REVOCATION_FILE in done.stderr


def kubelet_writes(folder: Path, text: str, version: int) -> None:
    """As the kubelet updates a ConfigMap: a new folder, then `..data` is renamed onto it."""
    (folder / f"..{version}").mkdir(parents=True)
    (folder / f"..{version}" / REVOCATION_FILE).write_text(text)
    (folder / "..data_tmp").symlink_to(f"..{version}")
    (folder / "..data_tmp").rename(folder / "..data")
    if not (folder / REVOCATION_FILE).is_symlink():
        (folder / REVOCATION_FILE).symlink_to(f"..data/{REVOCATION_FILE}")


def test_clients_models_keys_and_revocations_change_while_the_gateway_runs(tmp_path: Path) -> None:
    key, next_key = LocalKey("key-1"), LocalKey("key-2")
    with StubEngine() as engine, StubEngine() as second:
        plan = plan_of(key, {"llama": upstream(engine.port)}, tmp_path)
        kubelet_writes(tmp_path / "revocation", revocation_file((), ()), 1)
        with running(plan, tmp_path, key) as gateway:
            plan = gateway.plan
            new = gateway.token("new", models=["mistral"])
            old, revoked = gateway.token(), gateway.token(jti="swapped-out")
            wanted = {"model": "mistral", "messages": []}
            assert gateway.post(new, wanted).error == (401, "unknown_client")
            assert [gateway.post(token).status for token in (old, revoked)] == [200, 200]

            kubelet_writes(tmp_path / "revocation", revocation_file(["swapped-out"], ()), 2)
            eventually(lambda: gateway.post(revoked).error == (401, "token_revoked"), 2)

            upstreams = {**plan.upstreams, "mistral": upstream(second.port)}
            write(replace(plan, clients=CLIENTS | {"new": client(["mistral"])}, upstreams=upstreams))
            eventually(lambda: gateway.post(new, wanted).status == 200, 3)
            assert second.seen[-1].json()["cache_salt"] == "cloister:new"

            write(replace(plan, signing_keys=(key.public(), next_key.public())))
            eventually(lambda: gateway.post(gateway.token(key=next_key)).status == 200, 2)
            assert gateway.post(old).status == 200
            write(replace(plan, signing_keys=(next_key.public(),)))
            eventually(lambda: gateway.post(old).error == (401, "invalid_api_key"), 2)

            write(replace(plan, signing_keys=(next_key.public(),), clients={}))
            eventually(lambda: gateway.post(gateway.token(key=next_key)).error == (401, "unknown_client"), 2)
            assert gateway.process.poll() is None


def test_a_token_from_kms_opens_the_gateway_until_it_is_revoked(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    with account() as aws, StubEngine() as engine:
        key = aws.create_key()
        plan = replace(
            plan_of(LocalKey(), {"llama": upstream(engine.port)}, tmp_path),
            gateway=token_estate.GATEWAY,
            clients=token_estate.CLIENTS,
            tiers={"standard": TIERS["wide"]},
            signing_keys=(key,),
        )
        issued = aws.issue(kms=aws.kms, signing_key=key.kid, now=now)
        with running(plan, tmp_path, LocalKey()) as gateway:
            assert gateway.post(issued.token).status == 200
            assert engine.seen[-1].headers["x-client-id"] == "demo"
            text = revoke(jti=issued.record.jti, reason="test", audit_bucket=token_estate.BUCKET, s3=aws.s3, now=now)
            publish_revocations(FolderTarget(folder=Path(plan.revocation_folder)), text)
            eventually(lambda: gateway.post(issued.token).error == (401, "token_revoked"), 2)


def test_prompts_that_begin_alike_go_to_one_replica_and_none_to_one_that_is_not_there(tmp_path: Path) -> None:
    key = LocalKey()
    with StubEngine() as first, StubEngine() as second:
        plan = plan_of(key, {"llama": upstream(first.port, second.port, *free_ports(1))}, tmp_path)
        with running(plan, tmp_path, key) as gateway:
            token = gateway.token()

            def replica(prompt: int, tail: str) -> int:
                first.seen.clear()
                second.seen.clear()
                start = f"assistant {prompt} " * 200
                assert gateway.post(token, {"model": "llama", "prompt": start + tail}).status == 200
                return len(second.seen)

            places = {prompt: {replica(prompt, tail) for tail in ("a", "b", "c")} for prompt in range(20)}
            assert all(len(place) == 1 for place in places.values())
            assert {0, 1} == set.union(*places.values())


def test_tls_is_spoken_and_a_new_certificate_is_taken_without_a_restart(tmp_path: Path) -> None:
    key, folder = LocalKey(), tmp_path / "tls"
    first = certificate(folder, "gateway.test")
    with StubEngine() as engine:
        plan = replace(plan_of(key, {"llama": upstream(engine.port)}, tmp_path), tls=Tls(folder=str(folder)))
        with running(plan, tmp_path, key) as gateway:

            def ask(trusted: str) -> int:
                context = ssl.create_default_context(cadata=trusted)
                with context.wrap_socket(gateway.connect(), server_hostname="gateway.test") as connection:
                    assert connection.version() in ("TLSv1.2", "TLSv1.3")
                    fields = [("authorization", f"Bearer {gateway.token()}"), ("content-type", "application/json")]
                    connection.sendall(request("POST", CHAT, b'{"model":"llama"}', fields))
                    return read_answer(connection).status

            assert ask(first) == 200
            second = certificate(folder, "gateway.test")

            def rotated() -> bool:
                try:
                    return ask(second) == 200
                except ssl.SSLCertVerificationError:
                    return False

            eventually(rotated, 3)
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            with warnings.catch_warnings(action="ignore"):
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            with gateway.connect() as connection, pytest.raises((ssl.SSLError, ConnectionError)):
                old.wrap_socket(connection)


def text_of(chance: random.Random, depth: int = 0) -> str:
    """JSON, nearly: members that matter, repeated and escaped now and then, and values of every kind."""
    space = chance.choice(["", " ", "\n", "\t "])
    kind = chance.randrange(9 if depth < 3 else 6)
    if kind < 6:
        text = [
            "1",
            "-2.5e3",
            "true",
            "null",
            json.dumps(chance.choice(['a"}', "\\", "é{[", "llama", ""])),
            '"\\u0041\\""',
        ][kind]
    elif kind == 6:
        text = "[" + ",".join(text_of(chance, depth + 1) for _ in range(chance.randrange(3))) + "]"
    else:
        text = object_of(chance, depth + 1)
    return f"{space}{text}{space}"


def object_of(chance: random.Random, depth: int) -> str:
    keys = ['"model"', '"model"', '"cache_salt"', '"messages"', '"mod\\u0065l"', '"x"', '"n"', '"\\"model"', '"MODEL"']
    members = [f"{chance.choice(keys)}:{text_of(chance, depth)}" for _ in range(chance.randrange(5))]
    if depth == 0 and chance.random() < 0.8:
        members.insert(chance.randrange(len(members) + 1), '"model":"llama"')
    text = "{" + ",".join(members) + "}"
    if chance.random() < 0.15:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(['"', "\\", "{", "}", ",", ":", "\x01", "[", "]"]) + text[at:]
    return text


def test_whatever_a_body_is_the_engine_sees_an_allowed_model_and_our_salt(estate: Estate) -> None:
    chance = random.Random(20261121)
    gateway = estate.gateway
    token = gateway.token()
    passed = 0
    fields = [("authorization", f"Bearer {token}"), ("content-type", "application/json")]
    for _ in range(1500):
        text = object_of(chance, 0)
        estate.llama.seen.clear()
        estate.qwen.seen.clear()
        status = gateway.send(request("POST", CHAT, text.encode(), fields)).status
        assert status in (200, 400, 403, 404), text
        assert estate.qwen.seen == []
        for seen in estate.llama.seen:
            try:
                members = json.loads(seen.body, object_pairs_hook=list)
            except ValueError:
                continue
            found = [value for name, value in members if name == "model"]
            salts = [value for name, value in members if name == "cache_salt"]
            assert (found, salts) == (["llama"], ["cloister:acme"]), text
            passed += 1
    assert passed > 200
