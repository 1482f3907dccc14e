"""The admission policies on a real API server: bad twins of the pack are refused there too, what is planned is not."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from components.serving.admission import AdmissionArgs, admission_binding, admission_policies
from components.settings.load import ROOT
from policies.guardrails.pods import WORKLOADS
from sandbox import kubernetes
from sandbox.providers.kubernetes.api import Api, ApiError
from sandbox.providers.kubernetes.kubeconfig import load_kubeconfig
from tests.contract.test_layers_obey_policies import planned
from tests.policies.support import bad, estate, good, spoiled_twin, wire

pytestmark = pytest.mark.servers

NAMESPACE = "inference"
FOLDER = ROOT / "policies" / "admission"
IMAGE = "111122223333.dkr.ecr.{region}.amazonaws.com/cloister/{name}@sha256:" + "1" * 64
PLANNED = "serving-rehearsal"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
# Good twins that the models' namespace needs not: the platform's own load balancer leads to the gateway, and pods have
# roles by EKS Pod Identity. The last one is no whole object.
STRICTER = {
    "kubernetes:core/v1:Service": "cloister-services",
    "kubernetes:core/v1:ServiceAccount": "cloister-service-accounts",
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy": "is invalid",
}
# Roles and bindings of the whole cluster are written by EKS and its add-ons too: only the pack judges those.
PACK_ONLY = ("ClusterRole", "ClusterRoleBinding")


def args(region: str, account: str, ranges: tuple[str, ...]) -> AdmissionArgs:
    return AdmissionArgs(
        folder=FOLDER,
        registry=f"{account}.dkr.ecr.{region}.amazonaws.com",
        namespace=NAMESPACE,
        account_id=account,
        region=region,
        own_cidrs=ranges,
        storage_cidrs=("52.218.0.0/17", "3.5.64.0/21", "3.5.72.0/23", "16.15.0.0/16"),
    )


TWINS = args("eu-west-1", "111122223333", tuple(str(cidr) for cidr in estate().ranges))


@cache
def held() -> frozenset[str]:
    """Every rule that some admission policy holds as well."""
    return frozenset(
        rule.strip()
        for policy in admission_policies(TWINS)
        for rule in policy["metadata"]["annotations"]["cloister.eu/rules"].split(",")
        if rule.strip()
    )


def put(api: Api, wanted: AdmissionArgs) -> None:
    for policy in admission_policies(wanted):
        api.apply(policy, "test", force=True)
        api.apply(admission_binding(policy, NAMESPACE), "test", force=True)


@pytest.fixture(scope="module")
def api(kubernetes_cluster: kubernetes.Cluster) -> Iterator[Api]:
    """The policies of the twins in force, in a namespace without Pod Security, so that they are what refuses."""
    with contextlib.closing(Api(load_kubeconfig(kubernetes_cluster.admin_kubeconfig))) as api:
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, "test")
        for name in sorted(accounts()):
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}
            api.apply({**account, "automountServiceAccountToken": False}, "test")
        put(api, TWINS)
        # The API server reads new policies within seconds, in their order; this breaks the last one and no other.
        last = objects(DEPLOYMENT, spoiled_twin(DEPLOYMENT, {"container": {"command": ["sh"]}})[0])
        deadline = time.monotonic() + 30
        while "cloister-programs" not in (told := refusal(api, last)):
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
        try:
            yield api
        finally:
            for policy in admission_policies(TWINS):
                api.delete(admission_binding(policy, NAMESPACE), "Background")
                api.delete(policy, "Background")


def accounts() -> set[str]:
    """Service accounts that pods of twins and plans name: without them the API server refuses the pods by itself."""
    named = {"default"}
    texts = [
        json.dumps(good()),
        json.dumps([resource.inputs for resource in planned(PLANNED, False).resources], default=str),
    ]
    for text in texts:
        named |= {part.split('"')[0] for part in text.split('"serviceAccountName": "')[1:]}
    return named


def refusal(api: Api, wanted: dict[str, Any]) -> str:
    """Why the API server would not make an object; empty when it would."""
    try:
        api.apply(wanted, "test", force=True, dry_run=True)
    except ApiError as error:
        return str(error)
    return ""


def objects(token: str, properties: Any) -> dict[str, Any]:
    """What is made in the end: of a workload its pod, with what a spoil left out that no pod can be without."""
    found = wire(properties)
    if token not in WORKLOADS:
        return dict(found)
    template = (
        found["spec"]["jobTemplate"]["spec"]["template"] if token.endswith("CronJob") else found["spec"]["template"]
    )
    spec = json.loads(json.dumps(template["spec"]))
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or []):
            if isinstance(container, dict):
                container.setdefault("name", f"c{index}")
                container.setdefault("image", IMAGE.format(region="eu-west-1", name="weights"))
    metadata = {key: template.get("metadata", {}).get(key) or {} for key in ("labels", "annotations")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "name": "p", "namespace": NAMESPACE},
        "spec": spec,
    }


def twins() -> list[Any]:
    """Bad twins of rules that admission holds too; values that are not known yet exist in plans only."""
    return [
        pytest.param(rule, token, spoil, id=f"{rule}-{index}")
        for index, (rule, token, spoil) in enumerate(bad())
        if token.startswith("kubernetes:")
        and token.rsplit(":", 1)[-1] not in PACK_ONLY
        and not token.endswith("Patch")
        and rule in held()
        and "UNKNOWN" not in json.dumps(spoil)
    ]


@pytest.mark.parametrize("token", sorted(token for token in good() if token.startswith("kubernetes:")))
def test_a_good_twin_is_admitted_unless_the_namespace_is_stricter(api: Api, token: str) -> None:
    told = refusal(api, objects(token, good()[token]))
    assert (STRICTER[token] in told) if token in STRICTER else told == ""


@pytest.mark.parametrize(("rule", "token", "spoil"), twins())
def test_a_bad_twin_is_refused(api: Api, rule: str, token: str, spoil: Any) -> None:
    try:
        told = refusal(api, objects(token, spoiled_twin(token, spoil)[0]))
    except (KeyError, TypeError, AttributeError):
        return  # no pod can be made of it at all
    assert told


def test_most_bad_twins_are_refused_by_a_policy_of_ours(api: Api) -> None:
    """The rest is refused because no valid object can be made of it."""
    told = []
    for parameter in twins():
        _, token, spoil = parameter.values
        with contextlib.suppress(KeyError, TypeError, AttributeError):
            told.append(refusal(api, objects(str(token), spoiled_twin(str(token), spoil)[0])))
    ours = [text for text in told if "ValidatingAdmissionPolicy 'cloister-" in text]
    others = [text for text in told if text not in ours]
    assert len(ours) > 0.85 * len(told)
    assert all("is invalid" in text or "typed patch" in text for text in others), others


def test_no_policy_has_an_expression_that_does_not_fit_its_kind(api: Api) -> None:
    for policy in admission_policies(TWINS):
        live = api.get(policy)
        assert live
        checking = live.get("status", {}).get("typeChecking", {})
        assert not checking.get("expressionWarnings"), checking


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "networking.k8s.io/v1/Ingress",
            {"spec": {"defaultBackend": {"service": {"name": "gateway", "port": {"number": 443}}}}},
        ),
        (
            "v1/ReplicationController",
            {"spec": {"selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}}}}},
        ),
        ("v1/Endpoints", {"subsets": [{"addresses": [{"ip": "198.51.100.7"}], "ports": [{"port": 443}]}]}),
        (
            "discovery.k8s.io/v1/EndpointSlice",
            {"addressType": "IPv4", "endpoints": [{"addresses": ["198.51.100.7"]}], "ports": [{"port": 443}]},
        ),
    ],
)
def test_kinds_that_lead_around_the_gateway_are_refused(api: Api, kind: str, body: dict[str, Any]) -> None:
    version, _, name = kind.rpartition("/")
    wanted = {"apiVersion": version, "kind": name, "metadata": {"name": "x", "namespace": NAMESPACE}, **body}
    told = refusal(api, wanted)
    assert "ValidatingAdmissionPolicy 'cloister-" in told or "is invalid" in told


@pytest.mark.parametrize(
    "reach", ["exec?command=sh&stdout=true", "attach?stdout=true", "portforward?ports=8000", "proxy/"]
)
def test_nobody_reaches_into_a_pod(api: Api, reach: str) -> None:
    """The pod need not exist: admission is asked before the pod is looked for."""
    for method in ("POST", "GET"):
        with pytest.raises(ApiError, match=r"cloister-hands|not found"):
            api._ask(method, f"/api/v1/namespaces/{NAMESPACE}/pods/p/{reach}")


def test_nobody_makes_a_token_by_hand(api: Api) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": ["x"]}}
    with pytest.raises(ApiError, match="cloister-tokens"):
        api._ask("POST", path, content=json.dumps(request), headers={"Content-Type": "application/json"})


def test_the_namespace_keeps_its_standard(api: Api) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    assert "cloister-namespace" in refusal(api, wanted)
    wanted["metadata"] = {"name": "elsewhere", "labels": labels}
    assert refusal(api, wanted) == ""


def test_everything_that_the_serving_layer_plans_is_admitted(api: Api) -> None:
    whole = planned(PLANNED, False)
    own = args("eu-central-1", "111122223333", ("10.42.0.0/16",))
    policy = whole.one(
        "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy", "admission-network-policies"
    )
    storage = next(v["expression"] for v in policy.inputs["spec"]["variables"] if v["name"] == "storage")
    put(api, AdmissionArgs(**{**own.__dict__, "storage_cidrs": tuple(storage.split("'")[1].split(","))}))
    time.sleep(3)
    asked = 0
    for resource in whole.resources:
        if resource.type.startswith("kubernetes:") and "admissionregistration" not in resource.type:
            wanted = objects(resource.type, plain(resource.inputs))
            assert refusal(api, wanted) == "", resource.name
            asked += 1
    assert asked >= 12
    put(api, TWINS)


def plain(value: Any) -> Any:
    """Planned values as the API takes them: whole numbers are no floats."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
