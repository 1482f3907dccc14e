"""Who asks S3, and where: our own lines give what AWS's library gives, where they answer at all."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from components.catalog.regions import EU_REGIONS
from images.weights.access import OTHERS, BotoAccess, PodAccess, access, authorities, sign
from images.weights.manifest import LoaderError

BUCKET = "cloister-weights-111122223333-eu-central-1"


@pytest.fixture(autouse=True)
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The variables of a pod, and nothing of this machine."""
    for name in (*OTHERS, "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an example of a secret")
    return monkeypatch


@pytest.mark.parametrize("region", [*EU_REGIONS, "eusc-de-east-1"])
def test_the_address_is_the_regions_own_and_the_one_of_aws_library(region: str, pod: pytest.MonkeyPatch) -> None:
    pod.setenv("AWS_REGION", region)
    ours = PodAccess.found(BUCKET)
    assert ours is not None
    assert ours.address == BotoAccess(BUCKET).address
    assert f".s3.{region}." in str(ours.address.hostname)


@pytest.mark.parametrize("given", ["http://127.0.0.1:9000", "https://10.0.0.7:443/"])
def test_an_endpoint_by_address_is_asked_by_path(given: str, pod: pytest.MonkeyPatch) -> None:
    pod.setenv("AWS_ENDPOINT_URL", given)
    ours = PodAccess.found(BUCKET)
    assert ours is not None
    assert ours.address.path == f"/{BUCKET}/"
    assert ours.address.netloc == urlsplit(given).netloc


@pytest.mark.parametrize("token", [None, "a session token"])
def test_the_signature_is_that_of_aws_library(token: str | None, pod: pytest.MonkeyPatch) -> None:
    if token:
        pod.setenv("AWS_SESSION_TOKEN", token)
    ours = PodAccess.found(BUCKET)
    assert ours is not None
    path = "/models/a%20b/model-00001.safetensors"
    request = AWSRequest("GET", f"https://{ours.address.netloc}{path}")
    S3SigV4Auth(Credentials("AKIDEXAMPLE", "an example of a secret", token), "s3", "eu-central-1").add_auth(request)
    moment = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signed = sign(ours, path, moment)
    assert signed["authorization"] == request.headers["Authorization"]
    assert {name.title() for name in signed} - {"Host"} == {name.title() for name in request.headers}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_needs_more_is_left_to_aws_library(name: str, pod: pytest.MonkeyPatch) -> None:
    pod.setenv(name, "x")
    assert PodAccess.found(BUCKET) is None


def test_a_file_of_settings_an_endpoint_by_name_and_a_dotted_bucket_are_left_to_it_too(
    pod: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert PodAccess.found("a.dotted.bucket") is None
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = eu-west-1\n")
    assert PodAccess.found(BUCKET) is None
    (tmp_path / ".aws" / "config").unlink()
    pod.setenv("AWS_ENDPOINT_URL", "https://store.internal")
    assert isinstance(access(BUCKET), BotoAccess)


class Agent(BaseHTTPRequestHandler):
    answers: list[dict[str, str]]
    asked: list[str | None]

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        if not self.answers:
            self.send_error(503)
            return
        body = json.dumps(self.answers.pop(0)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def answer(name: str, minutes: float) -> dict[str, str]:
    until = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "AccountId": "1", "Expiration": until}


@pytest.fixture
def agent(pod: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Agent]]:
    """The Pod Identity agent."""
    made = type("Made", (Agent,), {"answers": [], "asked": []})
    with HTTPServer(("127.0.0.1", 0), made) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "token").write_text("the pod's token\n")
        pod.delenv("AWS_ACCESS_KEY_ID")
        where = f"http://127.0.0.1:{server.server_port}/v1/credentials"
        pod.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", where)
        pod.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
        pod.setenv("http_proxy", "http://127.0.0.1:9")
        yield made
        server.shutdown()


@pytest.mark.servers
def test_the_agents_credentials_are_kept_and_asked_for_again_before_they_expire(agent: type[Agent]) -> None:
    agent.answers += [answer("short", 9), answer("long", 60)]
    ours = PodAccess.found(BUCKET)
    assert ours is not None
    assert [ours.keys().access_key for _ in range(3)] == ["short", "long", "long"]
    assert agent.asked == ["the pod's token"] * 2
    assert ours.keys().token == "t"


@pytest.mark.servers
def test_an_agent_that_stays_silent_is_one_line(agent: type[Agent], pod: pytest.MonkeyPatch) -> None:
    pod.setattr("images.weights.access.time.sleep", lambda seconds: None)
    ours = PodAccess.found(BUCKET)
    assert ours is not None
    with pytest.raises(LoaderError, match="check the Pod Identity agent"):
        ours.keys()
    assert len(agent.asked) == 5


@pytest.mark.servers
def test_an_answer_without_keys_is_one_line_that_shows_none(agent: type[Agent], pod: pytest.MonkeyPatch) -> None:
    pod.setattr("images.weights.access.time.sleep", lambda seconds: None)
    agent.answers += [{"AccessKeyId": "a", "SecretAccessKey": "not to be told"} for _ in range(5)]
    ours = PodAccess.found(BUCKET)
    assert ours is not None
    with pytest.raises(LoaderError, match="the answer has AccessKeyId, SecretAccessKey") as refused:
        ours.keys()
    assert "not to be told" not in str(refused.value)


def test_the_authorities_are_a_file_that_can_be_read(pod: pytest.MonkeyPatch) -> None:
    assert ssl.create_default_context(cafile=authorities()).get_ca_certs()
    pod.setenv("AWS_CA_BUNDLE", "/given.pem")
    assert authorities() == "/given.pem"
