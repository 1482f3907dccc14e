"""The admission policies of `policies/admission/`, bound to the namespace of the models or to the whole cluster."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi_kubernetes as kubernetes
import yaml
from pulumi import ComponentResource, Output, ResourceOptions

SCOPE: Final = "cloister.eu/scope"
"""Annotation of a policy whose objects belong to no namespace; its value is then `cluster`."""


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    """Where the policies lie and what they are about.

    Args:
        folder: holds the policies as Kubernetes documents.
        registry: host name of the registry that images may come from.
        namespace: of the models.
        account_id: that own buckets carry in their names.
        region: that containers may call AWS in.
        own_cidrs: ranges that network policies may name: the VPC's, its pods' and what is connected to it.
        storage_cidrs: ranges of S3.
    """

    folder: Path
    registry: str
    namespace: str
    account_id: str
    region: str
    own_cidrs: tuple[str, ...]
    storage_cidrs: tuple[str, ...]


class Admission(ComponentResource):
    """The API server itself refuses what breaks the policies, whoever asks for it.

    Outputs:
        policy_names: list of str; what comes after them is judged by them.
    Source: Kubernetes, "Validating Admission Policy".
    """

    policy_names: Output[list[str]]

    def __init__(self, name: str, args: AdmissionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:serving:Admission", name, None, opts)
        admission = kubernetes.admissionregistration.v1
        bound = []
        for policy in admission_policies(args):
            short = policy["metadata"]["name"].removeprefix("cloister-")
            declared = admission.ValidatingAdmissionPolicy(
                f"{name}-{short}", metadata=policy["metadata"], spec=policy["spec"], opts=ResourceOptions(parent=self)
            )
            binding = admission_binding(policy, args.namespace)
            bound.append(
                admission.ValidatingAdmissionPolicyBinding(
                    f"{name}-{short}-binding",
                    metadata=binding["metadata"],
                    spec=binding["spec"],
                    opts=ResourceOptions(parent=self, depends_on=[declared]),
                )
            )
        self.policy_names = Output.all(
            *(binding.metadata.apply(lambda metadata: str(metadata.name)) for binding in bound)
        ).apply(list)
        self.register_outputs({"policy_names": self.policy_names})


def admission_policies(args: AdmissionArgs) -> Iterator[dict[str, Any]]:
    """Every policy of the folder with the stack's values in the places of words such as @REGION@."""
    values = {
        "@ACCOUNT@": args.account_id,
        "@NAMESPACE@": args.namespace,
        "@RANGES@": ",".join(args.own_cidrs),
        "@REGION@": args.region,
        "@REGISTRY@": args.registry,
        "@STORAGE@": ",".join(args.storage_cidrs),
    }
    for path in sorted(args.folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield _filled(document, values)


def admission_binding(policy: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """What puts a policy into force: in the namespace of the models, or in the whole cluster if the policy says so."""
    name = policy["metadata"]["name"]
    spec: dict[str, Any] = {"policyName": name, "validationActions": ["Deny", "Audit"]}
    if policy["metadata"]["annotations"].get(SCOPE) != "cluster":
        spec["matchResources"] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }


def _filled(document: Any, values: Mapping[str, str]) -> Any:
    text = json.dumps(document)
    for word, value in values.items():
        text = text.replace(word, value)
    return json.loads(text)
