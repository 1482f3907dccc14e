"""`cloister gateway render`: what it refuses, and a real Envoy that serves from its folder."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from components.gateway.configuration import SigningKey, Tls, json_web_key_set, signing_keys
from components.settings.layer import EdgeSettings, ServingSettings
from components.settings.load import load_stack
from operations.errors import CommandError
from operations.gateway_render import Place, at, stack_plan, write
from operations.main import app
from tests.gateway.harness import ENVOY, eventually, free_ports, started
from tests.gateway.stub_engine import StubEngine
from tests.operations.local_key import LocalKey

KEY = LocalKey()
STACK = "serving-rehearsal"
BODY = {"model": "smollm2", "messages": []}


def settings(stack: str) -> ServingSettings | EdgeSettings:
    found = load_stack(stack)
    assert isinstance(found, ServingSettings | EdgeSettings)
    return found


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(json_web_key_set([KEY.public()]))
    return file


def render(out: Path, jwks: Path, *words: str, stack: str = STACK) -> Result:
    return CliRunner().invoke(
        app, ["gateway", "render", "--stack", stack, "--out", str(out), "--jwks", str(jwks), *words]
    )


def printed(result: Result, name: str) -> list[str]:
    assert result.exit_code == 0, result.exception
    found = re.search(rf"^{name}: +(.*)$", result.stdout, re.M)
    assert found
    return shlex.split(found[1])


@pytest.mark.servers
def test_a_real_envoy_serves_from_the_folder_by_the_line_that_is_printed(tmp_path: Path, jwks: Path) -> None:
    listen, metrics = free_ports(2)
    folder = tmp_path / "gateway"
    with StubEngine() as first, StubEngine() as second:
        backends = [f"--backend=smollm2=127.0.0.1:{engine.port}" for engine in (first, second)]
        words = [f"--listen=127.0.0.1:{listen}", f"--metrics-port={metrics}"]
        result = render(folder, jwks, *words, *backends)
        check = printed(result, "check")
        subprocess.run([str(ENVOY), *check[1:]], check=True, capture_output=True, timeout=60)
        place = Place(folder=folder, listen=("127.0.0.1", listen), metrics_port=metrics)
        plan = at(place, stack_plan(settings(STACK), (KEY.public(),)), {})
        with started(plan, folder, KEY, printed(result, "start")[1:]) as gateway:
            gateway_settings = settings(STACK).gateway
            names: dict[str, Any] = {
                "iss": gateway_settings.issuer,
                "aud": gateway_settings.audience,
                "models": ["smollm2"],
            }
            token = gateway.token("demo", **names)
            eventually(lambda: gateway.post(token, BODY).status == 200, 10)
            assert gateway.post(None, BODY).error == (401, "missing_api_key")
            assert gateway.post(gateway.token("stranger", **names), BODY).error == (401, "unknown_client")
            # Another render takes effect in the Envoy that runs, and brings no revoked token back.
            gateway.revoke(clients=["demo"])
            eventually(lambda: gateway.post(token, BODY).error == (401, "token_revoked"))
            assert render(folder, jwks, *words, backends[0]).exit_code == 0
            assert gateway.post(token, BODY).error == (401, "token_revoked")
    assert first.seen or second.seen


def test_the_files_hold_what_the_layer_deploys_but_for_the_place(tmp_path: Path) -> None:
    for stack in ("serving-rehearsal", "edge-rehearsal"):
        deployed = stack_plan(settings(stack), (KEY.public(),))
        place = Place(
            folder=tmp_path, listen=("127.0.0.1", 8443), metrics_port=9902, tls=Tls(folder=str(tmp_path / "tls"))
        )
        moved = at(place, deployed, {})
        same = ("gateway", "tiers", "clients", "upstreams", "signing_keys")
        assert [getattr(moved, name) for name in same] == [getattr(deployed, name) for name in same]
        assert moved.tls is not None
        assert (moved.tls.folder, moved.listen_address) == (str(tmp_path / "tls"), "127.0.0.1")


def test_names_and_addresses_are_resolved_in_their_own_way(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, listen=("127.0.0.1", 8443), metrics_port=9902)
    deployed = stack_plan(settings(STACK), (KEY.public(),))
    for host, resolution in (("10.0.0.7", "static"), ("engine.internal", "dns"), ("localhost", "dns")):
        moved = at(place, deployed, {"smollm2": ((host, 8000),)})
        assert (moved.upstreams["smollm2"].resolution, moved.upstreams["smollm2"].addresses) == (
            resolution,
            ((host, 8000),),
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend=nobody=127.0.0.1:1"], "--backend: no model 'nobody' here; the stack has smollm2"),
        (["--backend=smollm2"], "--backend: ''; write it like HOST:PORT"),
        (["--backend==127.0.0.1:1"], "--backend: '=127.0.0.1:1'; write it like MODEL=HOST:PORT"),
        (["--backend=smollm2=127.0.0.1:0"], "--backend: '127.0.0.1:0'; write it like HOST:PORT"),
        (["--backend=smollm2=127.0.0.1:65536"], "--backend: '127.0.0.1:65536'; write it like HOST:PORT"),
        (["--backend=smollm2=::1:80"], "--backend: '::1:80'; write it like HOST:PORT"),
        (["--listen=8443"], "--listen: '8443'; write it like HOST:PORT"),
        (["--listen=localhost:8443"], "--listen: 'localhost' is not an IPv4 address"),
        (["--listen=127.0.0.1:9902"], "--metrics-port: 9902 is where clients are listened to"),
        (["--tls=/nowhere"], "--tls: /nowhere/tls.crt is missing"),
        (["--jwks=/nowhere"], "--jwks: /nowhere: No such file or directory"),
        (["--out=/proc/nowhere"], "No such file or directory; name another folder with --out"),
        (["--out=/tmp/" + "a" * 100], "is too long for a socket in it"),
        (["--stack=platform-rehearsal"], "is of layer platform and has no gateway"),
    ],
)
def test_what_cannot_be_rendered_is_one_message(tmp_path: Path, jwks: Path, words: list[str], message: str) -> None:
    result = render(tmp_path / "gateway", jwks, *words)
    assert isinstance(result.exception, CommandError)
    assert message in str(result.exception)
    assert not (tmp_path / "gateway").exists()


def test_other_machines_are_warned_of_without_tls_and_not_with_it(tmp_path: Path, jwks: Path) -> None:
    assert "there is no TLS" in render(tmp_path / "one", jwks, "--listen=0.0.0.0:8443").stderr
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).touch()
    result = render(tmp_path / "two", jwks, "--listen=0.0.0.0:8443", f"--tls={tmp_path}")
    assert "warning" not in result.stderr
    assert printed(result, "clients")[0] == "https://0.0.0.0:8443/v1,"


def test_a_folder_that_cannot_be_written_names_it(tmp_path: Path) -> None:
    (tmp_path / "configuration").write_text("a file")
    place = Place(folder=tmp_path, listen=("127.0.0.1", 8443), metrics_port=9902)
    with pytest.raises(CommandError, match="configuration: File exists; name another folder"):
        write(at(place, stack_plan(settings(STACK), (KEY.public(),)), {}), tmp_path)


def test_a_key_set_gives_the_keys_that_it_was_made_from() -> None:
    keys = (KEY.public(), LocalKey("key-2").public())
    assert signing_keys(json_web_key_set(keys)) == keys


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": "AAAA"}, "key 'key-1' is a private key"),
        ({"crv": "P-384"}, "is not one of P-256"),
        ({"kty": "RSA"}, "is not one of P-256"),
        ({"kid": None}, "key None is not one of P-256 with a name"),
        ({"x": "AAAA"}, "`x` is not 32 bytes"),
        ({"y": "§"}, "`y` is not 32 bytes"),
    ],
)
def test_a_key_of_another_kind_is_refused(change: dict[str, str | None], message: str) -> None:
    (entry,) = json.loads(json_web_key_set([KEY.public()]))["keys"]
    with pytest.raises(ValueError, match=re.escape(message)):
        signing_keys(json.dumps({"keys": [entry | change]}))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 1}', '{"keys": [1]}', "null"])
def test_a_text_that_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is no JSON Web Key Set"):
        signing_keys(text)


def test_a_key_set_without_keys_lets_nobody_in_and_is_refused(tmp_path: Path, jwks: Path) -> None:
    jwks.write_text('{"keys": []}')
    result = render(tmp_path / "gateway", jwks)
    assert "there is no key in it" in str(result.exception)


def test_the_platforms_keys_are_taken_when_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = KEY.public()
    exported = {"signing_keys": [{"kid": key.kid, "public_key": key.public_key}]}
    monkeypatch.setattr("operations.gateways.outputs", lambda stack: exported)
    result = CliRunner().invoke(app, ["gateway", "render", "--stack", STACK, "--out", str(tmp_path)])
    assert result.exit_code == 0
    (inline,) = re.findall(r'"inline_string":"(\{.*?\})"', (tmp_path / "configuration" / "token.json").read_text())
    assert signing_keys(json.loads(f'"{inline}"')) == (SigningKey(kid=key.kid, public_key=key.public_key),)
