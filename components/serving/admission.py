"""The admission policies of `policies/admission/`, bound to the namespace of the models."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi_kubernetes as kubernetes
import yaml
from pulumi import ComponentResource, Output, ResourceOptions

IMAGES_BY_DIGEST: Final = "images-by-digest.yaml"


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    """Where the policies lie and what they are about.

    Args:
        folder: holds the policies as Kubernetes documents.
        registry: host name of the registry that images may come from.
    """

    folder: Path
    registry: str
    namespace: str


class Admission(ComponentResource):
    """The API server itself refuses a pod of the namespace whose image is not ours by digest, whoever creates it.

    Outputs:
        policy_name: str.
    Source: Kubernetes, "Validating Admission Policy".
    """

    policy_name: Output[str]

    def __init__(self, name: str, args: AdmissionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:serving:Admission", name, None, opts)
        policy, binding = admission_documents(args)
        admission = kubernetes.admissionregistration.v1
        declared = admission.ValidatingAdmissionPolicy(
            f"{name}-images-by-digest",
            metadata=policy["metadata"],
            spec=policy["spec"],
            opts=ResourceOptions(parent=self),
        )
        admission.ValidatingAdmissionPolicyBinding(
            f"{name}-images-by-digest-binding",
            metadata=binding["metadata"],
            spec=binding["spec"],
            opts=ResourceOptions(parent=self, depends_on=[declared]),
        )
        self.policy_name = declared.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"policy_name": self.policy_name})


def admission_documents(args: AdmissionArgs) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policy and its binding, with the registry and the namespace in their places."""
    text = (args.folder / IMAGES_BY_DIGEST).read_text(encoding="utf-8")
    policy, binding = _documents(text.replace("REGISTRY", args.registry).replace("NAMESPACE", args.namespace))
    return policy, binding


def _documents(text: str) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(text)
