"""The namespace of the models and what its API server refuses."""

import json
from pathlib import Path

import pytest

from components.serving.admission import Admission, AdmissionArgs, admission_documents
from components.serving.isolation import Isolation, IsolationArgs
from components.serving.kubeconfig import kubeconfig
from components.settings.load import ROOT
from tests.plan import Plan, plan

REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


@pytest.fixture(scope="module")
def isolation() -> Plan:
    return plan(
        lambda: Isolation("isolation", IsolationArgs(namespace="inference", weights_account="weights-loader")).namespace
    )


def admission_args(folder: Path = ROOT / "policies" / "admission") -> AdmissionArgs:
    return AdmissionArgs(folder=folder, registry=REGISTRY, namespace="inference")


def test_the_namespace_admits_restricted_pods_only(isolation: Plan) -> None:
    labels = isolation.one("kubernetes:core/v1:Namespace").inputs["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


def test_all_traffic_of_every_pod_is_denied(isolation: Plan) -> None:
    spec = isolation.one(POLICY, "isolation-default-deny").inputs["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}


def test_names_are_asked_of_the_cluster_alone(isolation: Plan) -> None:
    (rule,) = isolation.one(POLICY, "isolation-name-resolution").inputs["spec"]["egress"]
    (peer,) = rule["to"]
    assert peer["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert {port["port"] for port in rule["ports"]} == {53}


def test_no_service_can_open_a_way_past_the_gateway(isolation: Plan) -> None:
    hard = isolation.one("kubernetes:core/v1:ResourceQuota").inputs["spec"]["hard"]
    assert hard == {"services.loadbalancers": "0", "services.nodeports": "0"}


def test_the_denials_follow_the_namespace(isolation: Plan) -> None:
    namespace = isolation.one("kubernetes:core/v1:Namespace").urn
    assert all(namespace in policy.dependencies for policy in isolation.of(POLICY))


def test_the_admission_policy_denies_and_fails_closed() -> None:
    policy, binding = admission_documents(admission_args())
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["validationActions"] == ["Deny"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]


def test_the_admission_policy_is_bound_to_the_namespace_of_the_models() -> None:
    _, binding = admission_documents(admission_args())
    labels = binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": "inference"}


def test_the_admission_policy_names_the_own_registry_and_leaves_no_placeholder() -> None:
    policy, binding = admission_documents(admission_args())
    variables = {variable["name"]: variable["expression"] for variable in policy["spec"]["variables"]}
    assert variables["registry"] == f"'{REGISTRY}/cloister/'"
    assert not any(word in json.dumps([policy, binding]) for word in ("REGISTRY", "NAMESPACE"))


def test_the_admission_policy_reads_every_kind_of_container() -> None:
    policy, _ = admission_documents(admission_args())
    variables = {variable["name"]: variable["expression"] for variable in policy["spec"]["variables"]}
    assert all(
        f"spec.{kind}" in variables["images"] for kind in ("containers", "initContainers", "ephemeralContainers")
    )
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert "pods/ephemeralcontainers" in rule["resources"]


def test_policy_and_binding_are_declared() -> None:
    found = plan(lambda: Admission("admission", admission_args()).policy_name)
    policy, binding = admission_documents(admission_args())
    group = "kubernetes:admissionregistration.k8s.io/v1"
    assert found.one(f"{group}:ValidatingAdmissionPolicy").inputs["spec"] == policy["spec"]
    assert found.one(f"{group}:ValidatingAdmissionPolicyBinding").inputs["spec"] == binding["spec"]


def test_the_kubeconfig_holds_no_credential() -> None:
    text = kubeconfig(
        cluster="cloister", endpoint="https://k.test", certificate_authority="Y2E=", region="eu-central-1"
    )
    document = json.loads(text)
    (user,) = document["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["command"] == "cloister"
    assert user["user"]["exec"]["args"] == ["kubernetes-token", "--cluster", "cloister", "--region", "eu-central-1"]
    (cluster,) = document["clusters"]
    assert cluster["cluster"] == {"server": "https://k.test", "certificate-authority-data": "Y2E="}
