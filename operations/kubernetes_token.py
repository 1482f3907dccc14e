"""A short-lived Kubernetes credential from AWS credentials, as `aws eks get-token` makes it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.signers import RequestSigner

_URL_SECONDS = 60
_TOKEN_LIFE = timedelta(minutes=14)  # the API server accepts it for 15 minutes after it was signed
_CLUSTER_HEADER = "x-k8s-aws-id"


def token(cluster: str, region: str, session: botocore.session.Session | None = None) -> dict[str, Any]:
    """The ExecCredential that a kubeconfig's exec plugin prints; its token is a presigned STS GetCallerIdentity URL.

    Args:
        cluster: the EKS cluster's name; the token is valid for this cluster only.
        region: whose regional STS endpoint is signed for, unless AWS_ENDPOINT_URL names another.
        session: whose credentials sign, by default the environment's.

    Raises:
        botocore.exceptions.NoCredentialsError: there is nothing to sign with.
    Source: EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries"; aws-iam-authenticator.
    """
    session = session or botocore.session.get_session()
    client = session.create_client("sts", region_name=region)
    signer = RequestSigner(
        client.meta.service_model.service_id,
        region,
        "sts",
        "v4",
        session.get_credentials(),
        session.get_component("event_emitter"),
    )
    request = {
        "method": "GET",
        "url": f"{client.meta.endpoint_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {_CLUSTER_HEADER: cluster},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=region, expires_in=_URL_SECONDS, operation_name="")
    expires = datetime.now(UTC) + _TOKEN_LIFE
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "spec": {},
        "status": {
            "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "token": "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="),
        },
    }
