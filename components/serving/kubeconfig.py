"""How Pulumi and people reach the cluster: a kubeconfig without any secret."""

import json


def kubeconfig(*, cluster: str, endpoint: str, certificate_authority: str, region: str) -> str:
    """A kubeconfig whose user fetches a token that lives for minutes with the caller's own AWS credentials.

    Args:
        cluster: the cluster's name.
        endpoint: its URL.
        certificate_authority: base64 of the PEM certificate, as EKS reports it.
        region: where the token is made.
    """
    user = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "cloister",
        "args": ["kubernetes-token", "--cluster", cluster, "--region", region],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {"name": cluster, "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority}}
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "users": [{"name": cluster, "user": {"exec": user}}],
    }
    return json.dumps(document, sort_keys=True)
