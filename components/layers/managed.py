"""The layer `managed`: a Hugging Face Inference Endpoint in the EU, reached by PrivateLink."""

from typing import Any

from components.managed.endpoint import InferenceEndpoint
from components.model.lock import load_lock, require_complete
from components.settings.checks import lock_path
from components.settings.errors import SettingsError
from components.settings.layer import ManagedSettings
from components.settings.load import ROOT


def build(settings: ManagedSettings) -> dict[str, Any]:
    """One private endpoint at the revision of the lock file.

    Outputs: url, status, repository, revision.

    Raises:
        SettingsError: the lock file is not of a repository on the Hub, or incomplete.
    """
    lock = load_lock(lock_path(settings.lock, ROOT))
    if lock.source.kind != "hub":
        raise SettingsError(
            f"models/{lock.name}.lock.yaml",
            [f"source.kind: '{lock.source.kind}' cannot be managed: the endpoint reads the Hub; lock a hub repository"],
        )
    require_complete(lock)
    endpoint = InferenceEndpoint(
        "endpoint",
        {
            "name": settings.lock,
            "namespace": settings.namespace,
            "repository": lock.repository,
            "revision": lock.revision,
            "region": settings.region,
            "private_link_account_id": settings.account_id,
            "private_link_region": settings.region,
            "accelerator": "gpu",
            "instance_type": settings.instance_type,
            "instance_size": settings.instance_size,
            "min_replica": settings.min_replicas,
            "max_replica": settings.max_replicas,
        },
    )
    return {
        "url": endpoint.url,
        "status": endpoint.status,
        "repository": lock.repository,
        "revision": lock.revision,
    }
