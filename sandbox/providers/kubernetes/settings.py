"""The provider's own inputs: kubeconfig, default namespace and the few switches that the stand-in knows."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.providers.kubernetes.kubeconfig import Kubeconfig, KubeconfigError, load_kubeconfig
from sandbox.providers.serve import UNKNOWN

_TEXTS = ("kubeconfig", "context", "cluster", "namespace", "clusterIdentifier")
_SWITCHES = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}
_WITHOUT_EFFECT = ("suppressDeprecationWarnings", "suppressHelmHookWarnings", "kubeClientSettings", "version")


@dataclass(frozen=True)
class Settings:
    """How the provider was configured; a switch that is not set follows the official plugin's environment variable."""

    texts: Mapping[str, str]
    switches: Mapping[str, bool]

    def kubeconfig(self) -> Kubeconfig:
        """The chosen context, with the provider's default namespace.

        Raises:
            KubeconfigError: it cannot be used.
        """
        config = load_kubeconfig(
            self.texts.get("kubeconfig"), context=self.texts.get("context"), cluster=self.texts.get("cluster")
        )
        return dataclasses.replace(config, namespace=self.texts.get("namespace") or config.namespace)

    def lets_data_change(self, kind: str) -> bool:
        """Whether data of this kind (ConfigMap, Secret) changes in place instead of by replacement."""
        return self.switches.get(f"enable{kind}Mutable", False)


def read_settings(inputs: Mapping[str, Any]) -> Settings:
    """The settings from the provider's inputs; the engine sends switches as text."""
    return Settings(
        texts={key: inputs[key] for key in _TEXTS if inputs.get(key)},
        switches={
            key: _is_on(inputs[key] if inputs.get(key) is not None else os.environ.get(variable))
            for key, variable in _SWITCHES.items()
        },
    )


def refusals(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each input that the stand-in cannot honour, and why."""
    for key, value in inputs.items():
        if key.startswith("__") or key in (*_TEXTS, *_SWITCHES, *_WITHOUT_EFFECT) or value in (None, UNKNOWN):
            continue
        if key != "enableServerSideApply" or not _is_on(value):
            yield key, f"{value!r} is not simulated by the Kubernetes stand-in; leave {key} out"


def is_other_cluster(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two configurations reach different clusters, so that every resource has to be made anew."""
    if before.get("clusterIdentifier") or after.get("clusterIdentifier"):
        return bool(before.get("clusterIdentifier") != after.get("clusterIdentifier"))
    try:
        return read_settings(before).kubeconfig().server != read_settings(after).kubeconfig().server
    except KubeconfigError:  # said when the cluster is first asked for something
        return False


def _is_on(value: object) -> bool:
    return value is True or value == "true"
