from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from botocore.exceptions import NoCredentialsError

from operations.kubernetes_token import token


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signed_url(text: str) -> str:
    prefix, _, encoded = text.partition(".")
    assert prefix == "k8s-aws-v1"
    assert "=" not in encoded
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def test_the_token_is_a_presigned_identity_request_for_one_cluster() -> None:
    credential = token("cloister-dev", "eu-central-1")
    url = urlsplit(signed_url(credential["status"]["token"]))
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("https", "sts.eu-central-1.amazonaws.com", "/")
    assert (query["Action"], query["Version"]) == ("GetCallerIdentity", "2011-06-15")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-Credential"].startswith("AKIAEXAMPLE/")
    assert query["X-Amz-Credential"].endswith("/eu-central-1/sts/aws4_request")
    assert len(query["X-Amz-Signature"]) == 64
    assert "example" not in url.query.replace("AKIAEXAMPLE", "")


def test_another_cluster_has_another_signature() -> None:
    signatures = {
        parse_qs(urlsplit(signed_url(token(name, "eu-central-1")["status"]["token"])).query)["X-Amz-Signature"][0]
        for name in ("cloister-dev", "cloister-prod")
    }
    assert len(signatures) == 2


def test_the_credential_is_for_the_stable_exec_api_and_expires_within_fourteen_minutes() -> None:
    credential = token("cloister-dev", "eu-central-1")
    assert credential["apiVersion"] == "client.authentication.k8s.io/v1"
    assert credential["kind"] == "ExecCredential"
    expires = datetime.fromisoformat(credential["status"]["expirationTimestamp"].replace("Z", "+00:00"))
    left = expires - datetime.now(UTC)
    assert timedelta(minutes=13) < left <= timedelta(minutes=14)


def test_the_endpoint_of_the_environment_is_signed_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    assert signed_url(token("cloister-dev", "eu-central-1")["status"]["token"]).startswith(
        "http://127.0.0.1:5000/?Action="
    )


def test_the_credentials_of_a_session_sign_and_their_token_travels_along() -> None:
    session = botocore.session.Session()
    session.set_credentials("AKIAOTHER", "other", token="session-token")
    url = signed_url(token("cloister-dev", "eu-central-1", session)["status"]["token"])
    assert "X-Amz-Credential=AKIAOTHER%2F" in url
    assert "X-Amz-Security-Token=session-token" in url


def test_without_credentials_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NoCredentialsError):
        token("cloister-dev", "eu-central-1")
