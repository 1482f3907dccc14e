"""The namespace of the models and what its API server refuses."""

import json
import re
from typing import Any

import pytest

from components.serving.admission import Admission, AdmissionArgs, admission_binding, admission_policies
from components.serving.isolation import Isolation, IsolationArgs
from components.serving.kubeconfig import kubeconfig
from components.settings.load import ROOT
from policies.guardrails import RULES
from tests.contract.test_layers_obey_policies import planned
from tests.plan import Plan, plan

REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


@pytest.fixture(scope="module")
def isolation() -> Plan:
    return plan(
        lambda: Isolation("isolation", IsolationArgs(namespace="inference", weights_account="weights-loader")).namespace
    )


ADMISSION = AdmissionArgs(
    folder=ROOT / "policies" / "admission",
    registry=REGISTRY,
    namespace="inference",
    account_id="111122223333",
    region="eu-central-1",
    own_cidrs=("10.42.0.0/16", "10.90.0.0/16"),
    storage_cidrs=("3.5.136.0/22",),
)


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


@pytest.mark.parametrize("policy", list(admission_policies(ADMISSION)), ids=lambda policy: policy["metadata"]["name"])
def test_an_admission_policy_fails_closed_and_tells_what_it_holds(policy: dict[str, Any]) -> None:
    binding = admission_binding(policy, "inference")
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert "Deny" in binding["spec"]["validationActions"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    held = [rule.strip() for rule in policy["metadata"]["annotations"]["cloister.eu/rules"].split(",")]
    assert set(held) - {""} <= {rule.id for rule in RULES}
    assert all("message" in check or "messageExpression" in check for check in policy["spec"]["validations"])


def test_an_admission_policy_is_bound_to_the_models_namespace_unless_its_objects_have_none() -> None:
    everywhere = []
    for policy in admission_policies(ADMISSION):
        matched = admission_binding(policy, "inference")["spec"].get("matchResources")
        if matched is None:
            everywhere.append(policy["metadata"]["name"])
        else:
            assert matched == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "inference"}}}
    assert everywhere == ["cloister-namespace", "cloister-volumes", "cloister-cluster-role-bindings"]


def test_the_stacks_values_are_in_their_places() -> None:
    text = json.dumps(list(admission_policies(ADMISSION)))
    assert not re.search(r"@[A-Z]+@", text)
    for value in (REGISTRY, "'10.42.0.0/16,10.90.0.0/16'", "'3.5.136.0/22'", "'eu-central-1'", "111122223333"):
        assert value in text


def test_policies_and_bindings_are_declared_before_what_they_judge() -> None:
    found = plan(lambda: Admission("admission", ADMISSION).policy_names)
    group = "kubernetes:admissionregistration.k8s.io/v1"
    policies = list(admission_policies(ADMISSION))
    assert [policy.inputs["spec"] for policy in found.of(f"{group}:ValidatingAdmissionPolicy")] == [
        policy["spec"] for policy in policies
    ]
    assert len(found.of(f"{group}:ValidatingAdmissionPolicyBinding")) == len(policies)
    whole = planned("serving-rehearsal", False)
    bindings = {one.urn for one in whole.of(f"{group}:ValidatingAdmissionPolicyBinding")}
    for workload in whole.of("kubernetes:apps/v1:Deployment"):
        assert bindings <= set(workload.dependencies)


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
